import asyncio
from uuid import uuid4

import pytest

from chat.engine.following import Progress, Tail, follow
from chat.models.endings import Ending, State
from chat.parts import Kind, Part, call

from ..parts import said, thought
from ..streams import events_of


@pytest.fixture
def tail():
    return Tail(uuid4())


async def all_of(tail, after=0):
    return [part async for part in follow(tail, after)]


def end(tail, text=None):
    tail.finish(Ending(State.COMPLETE, tail.text if text is None else text))


async def reading(tail, after=0):
    """A reader that has got as far as it can."""
    task = asyncio.create_task(all_of(tail, after))
    await asyncio.sleep(0)
    return task


async def test_it_gives_what_is_there_and_ends(tail):
    tail.extend(len(tail.log), said("héllo 👋"))
    end(tail)
    assert await all_of(tail) == [Progress([*said("héllo 👋")], 7)]


@pytest.mark.parametrize("after", range(8))
async def test_it_begins_behind_an_offset(tail, after):
    tail.extend(len(tail.log), said("héllo 👋"))
    end(tail)
    assert "".join(each.parts[0].text for each in await all_of(tail, after)) == "héllo 👋"[after:]


async def test_it_gives_each_piece_as_it_comes(tail):
    reader = await reading(tail)
    for piece in ("one ", "two ", "three"):
        tail.extend(len(tail.log), said(piece))
        await asyncio.sleep(0.001)
    end(tail)
    assert await reader == [
        Progress([*said("one ")], 4),
        Progress([*said("two ")], 8),
        Progress([*said("three")], 13),
    ]


async def test_a_slow_reader_gets_all_that_came_meanwhile(tail):
    reader = await reading(tail)
    tail.extend(len(tail.log), said("one "))
    tail.extend(len(tail.log), said("two"))
    end(tail)
    assert await reader == [Progress([*said("one two")], 7)]


async def test_it_gives_the_text_that_the_end_brings(tail):
    reader = await reading(tail)
    end(tail, "all at once")
    assert await reader == [Progress([*said("all at once")], 11)]


async def test_all_readers_get_the_same(tail):
    readers = [await reading(tail, after) for after in (0, 0, 2)]
    tail.extend(len(tail.log), said("one two"))
    end(tail)
    assert [each[-1].parts[0].text for each in await asyncio.gather(*readers)] == [
        "one two",
        "one two",
        "e two",
    ]


async def test_it_ends_when_the_process_leaves(tail):
    tail.extend(len(tail.log), said("one"))
    reader = await reading(tail)
    tail.close()
    assert await reader == [Progress([*said("one")], 3)] and tail.ending is None


async def test_it_gives_a_sign_of_life(tail):
    reader = await reading(tail)
    tail.wake()
    await asyncio.sleep(0.001)
    end(tail)
    assert await reader == [Progress([], 0)]


async def test_it_ends_for_who_may_not_read_any_more(tail):
    tail.extend(len(tail.log), said("secret"))
    assert [part async for part in follow(tail, 0, lambda: True)] == []


async def test_a_reader_that_is_cancelled_has_left(tail):
    reader = await reading(tail)
    reader.cancel()
    await asyncio.wait([reader])
    tail.extend(0, said("one"))


@pytest.mark.parametrize(("text", "start"), [("one two", 0), ("e two", 2), (" two", 3)])
async def test_what_it_knows_already_it_does_not_say_again(tail, text, start):
    tail.extend(0, said("one"))
    tail.extend(start, said(text))
    assert tail.text == "one two"


async def test_it_has_no_gaps(tail):
    tail.extend(0, said("one"))
    tail.extend(8, said("three"))
    assert tail.text == "one"


async def test_its_frames_say_where_they_end(tail):
    tail.extend(len(tail.log), said("héllo 👋"))
    event = events_of(tail.frames(2))[0]
    assert (event.data, event.id, event.event) == ({"content": "llo 👋"}, "7", "")


async def test_a_frame_is_made_once_for_all(tail):
    tail.extend(len(tail.log), said("one two"))
    assert tail.frames(0) is tail.frames(0)
    assert tail.frames(4) != tail.frames(0)


async def test_each_part_has_a_frame_of_its_own(tail):
    parts = [*thought("Hm. 👋"), *said("Yes."), Part(Kind.REFUSAL, "No."), call("1", "f", "{}")]
    tail.extend(0, parts)
    events = events_of(tail.frames(2))
    assert [(event.event, event.data, event.id) for event in events] == [
        ("reasoning", {"reasoning": ". 👋"}, "5"),
        ("", {"content": "Yes."}, "9"),
        ("", {"content": "No."}, "12"),
        ("call", {"id": "1", "name": "f", "arguments": "{}"}, str(12 + len(parts[3].text))),
    ]


async def test_a_call_is_whole_wherever_one_begins(tail):
    tail.extend(0, [*said("one"), call("1", "f", "{}")])
    assert [event.event for event in events_of(tail.frames(10))] == ["call"]
