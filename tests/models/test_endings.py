import pytest

from chat.models.endings import State, ending_of

DECLINED = "The model declined to answer."
WANTED_A_TOOL = (
    "The model wanted to use a tool, which this site does not offer."
    " Try again, or choose another model."
)
EMPTY = "The model gave an empty answer. Try again."
EARLY = "The model's server ended this reply early. You can continue it."


def ends(reason, *, has_text=True, refused=False, called=False):
    return ending_of(reason, has_text=has_text, refused=refused, called=called)


@pytest.mark.parametrize(
    ("reasons", "state", "error"),
    [
        ("stop STOP eos eos_token end_turn stop_sequence", State.COMPLETE, ""),
        ("length max_tokens MAX_TOKENS max_output_tokens model_length", State.LENGTH, ""),
        ("content_filter refusal SAFETY RECITATION", State.FILTERED, ""),
        ("BLOCKLIST PROHIBITED_CONTENT SPII", State.FILTERED, ""),
        ("tool_calls function_call tool_use", State.FAILED, WANTED_A_TOOL),
        ("error abort insufficient_system_resource OTHER xxx", State.INTERRUPTED, EARLY),
    ],
)
def test_the_reason_tells_how_a_reply_ended(reasons, state, error):
    assert {ends(reason) for reason in reasons.split()} == {(state, error)}


@pytest.mark.parametrize("reason", ["", "\ufffd", "stop!", "stopped"])
def test_complete_is_what_the_model_ended(reason):
    assert ends(reason) == (State.INTERRUPTED, EARLY)


def test_an_empty_answer_is_none():
    assert ends("stop", has_text=False) == (State.FAILED, EMPTY)


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "xxx"])
def test_a_call_that_nobody_carries_out_is_no_answer(reason):
    assert ends(reason, has_text=False, called=True) == (State.FAILED, WANTED_A_TOOL)


@pytest.mark.parametrize("reason", ["stop", "content_filter", "length", "xxx"])
def test_a_refusal_is_no_answer(reason):
    assert ends(reason, refused=True) == (State.FILTERED, DECLINED)


@pytest.mark.parametrize(
    ("reason", "state"), [("length", State.LENGTH), ("content_filter", State.FILTERED)]
)
def test_a_limit_or_a_filter_may_come_before_the_first_word(reason, state):
    assert ends(reason, has_text=False) == (state, "")
