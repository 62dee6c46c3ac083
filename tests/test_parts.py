"""A reply as a log of parts."""

from hypothesis import given
from hypothesis import strategies as st

from chat.parts import SAID, Kind, Log, Part, call, for_programs, text_of

TEXTS = st.text("aé👋 \n", min_size=1, max_size=6)
PARTS = st.lists(
    st.builds(Part, st.sampled_from([Kind.REASONING, *SAID]), TEXTS)
    | st.builds(call, st.just("1"), TEXTS, TEXTS),
    max_size=6,
)


@given(PARTS)
def test_it_is_stored_and_loaded(parts):
    log = Log(parts)
    again = Log.stored(log.text, log.parts_to_store())
    assert again.behind(0) == log.behind(0) and len(again) == len(log)


@given(PARTS)
def test_it_tells_what_is_said_and_what_is_thought(parts):
    log = Log(parts)
    assert log.text == text_of(parts, *SAID)
    assert log.reasoning == text_of(parts, Kind.REASONING)
    assert sum(len(part.text) for part in parts) == len(log)


@given(PARTS, st.integers(0, 60))
def test_nothing_is_missing_behind_an_offset(parts, after):
    log = Log(parts)
    whole = "".join(part.text for part in parts)
    behind = "".join(part.text for part in log.behind(after))
    assert behind.endswith(whole[after:])
    assert behind == whole[after:] or log.behind(after)[0].kind == Kind.CALL


@given(PARTS, st.lists(st.integers(0, 60)))
def test_what_comes_twice_is_there_once(parts, places):
    """Pieces as they are read again after a lost answer, from anywhere on."""
    whole, log = Log(parts), Log()
    for after in (*places, 0):
        bound = [0, *(len(Log(parts[: i + 1])) for i in range(len(parts)))]
        start = max(each for each in bound if each <= after)
        log.extend(start, whole.behind(start))
    assert log.behind(0) == whole.behind(0)


def test_it_has_no_gaps():
    log = Log([Part(Kind.TEXT, "one")])
    assert not log.extend(4, [Part(Kind.TEXT, "three")]) and log.text == "one"


@given(PARTS, PARTS)
def test_it_can_be_cut_to_what_it_was(first, more):
    log = Log(first)
    assert Log([*log.behind(0), *more]).cut(len(log)).text == log.text
    assert len(Log([*first, *more]).cut(len(log))) == len(log)


def test_a_reply_that_says_one_thing_is_stored_as_its_text():
    assert Log([Part(Kind.TEXT, "one "), Part(Kind.TEXT, "two")]).parts_to_store() == []


def test_programs_get_each_part():
    log = Log([Part(Kind.REASONING, "Hm."), Part(Kind.TEXT, "Yes"), call("1", "f", "{}")])
    assert for_programs(log) == [
        {"type": "reasoning", "text": "Hm."},
        {"type": "text", "text": "Yes"},
        {"type": "call", "id": "1", "name": "f", "arguments": "{}"},
    ]
