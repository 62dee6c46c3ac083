import asyncio
from contextlib import aclosing
from uuid import uuid4

import pytest

from chat.endings import Ending, State
from chat.following import Progress, Tail, follow

from .streams import events_of


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
    tail.extend("héllo 👋")
    end(tail)
    assert await all_of(tail) == [Progress("héllo 👋", 7)]


@pytest.mark.parametrize("after", range(8))
async def test_it_begins_behind_an_offset(tail, after):
    tail.extend("héllo 👋")
    end(tail)
    assert "".join(part.text for part in await all_of(tail, after)) == "héllo 👋"[after:]


async def test_it_gives_each_piece_as_it_comes(tail):
    reader = await reading(tail)
    for piece in ("one ", "two ", "three"):
        tail.extend(piece)
        await asyncio.sleep(0.001)
    end(tail)
    assert await reader == [Progress("one ", 4), Progress("two ", 8), Progress("three", 13)]


async def test_a_slow_reader_gets_all_that_came_meanwhile(tail):
    reader = await reading(tail)
    tail.extend("one ")
    tail.extend("two")
    end(tail)
    assert await reader == [Progress("one two", 7)]


async def test_it_gives_the_text_that_the_end_brings(tail):
    reader = await reading(tail)
    end(tail, "all at once")
    assert await reader == [Progress("all at once", 11)]


async def test_all_readers_get_the_same(tail):
    readers = [await reading(tail, after) for after in (0, 0, 2)]
    tail.extend("one two")
    end(tail)
    assert [part[-1].text for part in await asyncio.gather(*readers)] == [
        "one two",
        "one two",
        "e two",
    ]


async def test_it_ends_when_the_process_leaves(tail):
    tail.extend("one")
    reader = await reading(tail)
    tail.close()
    assert await reader == [Progress("one", 3)] and tail.ending is None


async def test_it_gives_a_sign_of_life(tail):
    reader = await reading(tail)
    tail.wake()
    await asyncio.sleep(0.001)
    end(tail)
    assert await reader == [Progress("", 0)]


async def test_it_ends_for_who_may_not_read_any_more(tail):
    tail.extend("secret")
    assert [part async for part in follow(tail, 0, lambda: True)] == []


async def test_it_counts_its_readers(tail):
    tail.extend("one")
    async with aclosing(follow(tail)) as progress:
        await anext(progress)
        assert tail.readers == 1
    assert tail.readers == 0


async def test_a_reader_that_is_cancelled_has_left(tail):
    reader = await reading(tail)
    assert tail.readers == 1
    reader.cancel()
    await asyncio.wait([reader])
    assert tail.readers == 0
    tail.extend("one")


async def test_its_frames_say_where_they_end(tail):
    tail.extend("héllo 👋")
    event = events_of(tail.text_frame(2, 7))[0]
    assert (event.data, event.id, event.event) == ({"content": "llo 👋"}, "7", "")


async def test_a_frame_is_made_once_for_all(tail):
    tail.extend("one two")
    assert tail.text_frame(0, 7) is tail.text_frame(0, 7)
    assert tail.text_frame(4, 7) != tail.text_frame(0, 7)
