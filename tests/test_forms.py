from uuid import uuid4

import pytest

from chat.forms import MessageForm

MODELS = ["double-1", "double-2"]


def form(**data):
    return MessageForm(data, models=MODELS)


def test_it_takes_a_message_as_it_is():
    sent = form(message="  héllo\n\n\tworld 👋 \n")
    assert sent.is_valid() and sent.cleaned_data["message"] == "  héllo\n\n\tworld 👋 \n"


@pytest.mark.parametrize("message", ["", " ", "\n\t \u3000", None])
def test_it_refuses_a_message_of_blanks(message):
    assert form(message=message).first_error() == "Write a message first."


def test_it_refuses_nul():
    assert "cannot be stored" in form(message="a\0b").first_error()


def test_it_takes_the_longest_message(settings):
    settings.CHAT_MESSAGE_CHARS = 10
    assert form(message="👋" * 10).is_valid()


def test_it_says_how_much_too_long_a_message_is(settings):
    settings.CHAT_MESSAGE_CHARS = 1_000
    error = form(message="x" * 1_001).first_error()
    assert error == "The message has 1,001 characters; 1,000 are possible. Shorten it."


def test_it_chooses_the_first_model():
    sent = form(message="Hi")
    assert sent.is_valid() and sent.cleaned_data["model"] == "double-1"


def test_it_takes_the_model_that_was_chosen():
    sent = form(message="Hi", model="double-2")
    assert sent.is_valid() and sent.cleaned_data["model"] == "double-2"


def test_it_names_the_models_when_there_is_no_such_one():
    error = form(message="Hi", model="gpt-9").first_error()
    assert error == "There is no model “gpt-9” here. Choose one of: double-1, double-2."


def test_it_does_not_repeat_a_model_name_without_end():
    assert len(form(message="Hi", model="x" * 10_000).first_error()) < 300


@pytest.mark.parametrize("name", ["client_id", "conversation"])
def test_it_wants_a_uuid(name):
    assert form(message="Hi", **{name: "17"}).first_error() == f"The {name} must be a UUID."


@pytest.mark.parametrize("name", ["client_id", "conversation"])
def test_it_takes_a_uuid(name):
    value = uuid4()
    sent = form(message="Hi", **{name: str(value)})
    assert sent.is_valid() and sent.cleaned_data[name] == value
