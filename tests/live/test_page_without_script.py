"""The page where no script runs: reading and sending work as forms and links."""

import re

import pytest
from playwright.sync_api import expect

from ..double import ENDING, GoOn, Stall, Text, WaitFor, answer
from .browser import box, button, log_in, prose, reply, stop_button

pytest_plugins = ["tests.live.browser"]
RELOADS = 200


@pytest.fixture
def bare(visits):
    page = visits.begin(java_script_enabled=False)
    page.goto("/chat/")
    return page


@pytest.fixture
def begun(bare, model, gate):
    """A reply that has begun, in a page that has been reloaded since."""
    model.script(GoOn("one two three"), *ENDING)
    model.script(Text("one two "), WaitFor(gate), Text("three"), *ENDING, times=1)
    post(bare, "Hello")
    reload_until(bare, "one two", "streaming")
    return bare


def post(page, text):
    box(page).fill(text)
    button(page, "Send").click()
    expect(page).to_have_url(re.compile(r"/chat/[0-9a-f-]{36}/\?stream$"))


def plain(page):
    """The address of the page as it stands now."""
    return page.url.partition("?")[0]


def reload_until(page, text, state="complete"):
    """As a person does with the link of the page."""
    for _ in range(RELOADS):
        if reply(page).get_attribute("data-state") == state and prose(page).inner_text() == text:
            return
        page.goto(plain(page))
    raise AssertionError(f"{text!r} never came: {prose(page).inner_text()!r}")


def test_logging_in_works(visits):
    page = visits.begin(logged_in=False, java_script_enabled=False)
    page.goto("/chat/")
    log_in(page)
    expect(page).to_have_url(re.compile("/chat/$"))


def test_the_page_grows_while_the_reply_is_written(bare, model, gate):
    model.script(Text("One.\n\nTwo.\n\nThree\nFour"), WaitFor(gate), *ENDING)
    post(bare, "Hello")
    expect(prose(bare)).to_have_text("One.Two.")
    expect(stop_button(bare)).to_be_visible()
    expect(box(bare)).to_have_count(0)
    gate.set()
    expect(box(bare)).to_be_visible()
    expect(prose(bare)).to_have_text("One.Two.Three\nFour")
    expect(stop_button(bare)).to_have_count(0)
    expect(reply(bare).locator("footer")).to_contain_text("double-1")


def test_a_growing_page_can_be_stopped_where_it_grows(bare, model):
    model.script(Text("One.\n\nTwo\nThree"), Stall())
    post(bare, "Hello")
    expect(prose(bare)).to_have_text("One.")
    stop_button(bare).click()
    expect(reply(bare).get_by_text("You stopped this reply.")).to_be_visible()
    expect(prose(bare)).to_have_text("One.Two\nThree")


def test_a_message_is_answered(bare):
    post(bare, "Hello")
    reload_until(bare, "You said: Hello. That is all I have to say.")


def test_a_running_reply_says_how_to_see_more(begun, gate):
    expect(begun.get_by_role("link", name="Reload to see more")).to_be_visible()
    gate.set()
    reload_until(begun, "one two three")
    expect(begun.get_by_role("link", name="Reload to see more")).to_have_count(0)


def test_stop_and_continue_work(begun):
    stop_button(begun).click()
    expect(reply(begun).get_by_text("You stopped this reply.")).to_be_visible()
    button(begun, "Continue").click()
    reload_until(begun, "one two three")


def test_a_reply_that_goes_on_grows_in_its_page(bare, model, gate):
    half = "One.\n\nTwo\nThree"
    model.script(Text(half), Stall(), times=1)
    post(bare, "Hello")
    expect(prose(bare)).to_have_text("One.")
    stop_button(bare).click()
    model.script(GoOn(f"{half} and\n\nFour\nFive"), WaitFor(gate), *ENDING)
    button(bare, "Continue").click()
    expect(prose(bare)).to_have_text("One.Two\nThree and")
    expect(stop_button(bare)).to_be_visible()
    gate.set()
    expect(box(bare)).to_be_visible()


def test_a_reply_that_is_written_again_grows_in_its_page(bare, model, gate):
    model.script(*answer("Yes."), times=1)
    post(bare, "Hello")
    expect(box(bare)).to_be_visible()
    model.script(Text("One.\n\nTwo\nThree"), WaitFor(gate), *ENDING)
    button(bare, "Regenerate").click()
    expect(prose(bare)).to_have_text("One.")
    expect(stop_button(bare)).to_be_visible()
    gate.set()
    expect(prose(bare)).to_have_text("One.Two\nThree")


def test_a_second_message_while_a_reply_runs_is_kept(begun, visits):
    visits.expected.append("status of 409")
    box(begun).fill("More")
    button(begun, "Send").click()
    expect(begun.locator("#message-error")).to_contain_text("A reply is still being written")
    expect(box(begun)).to_have_value("More")


def test_nothing_is_offered_that_needs_script(bare):
    post(bare, "Hello")
    reload_until(bare, "You said: Hello. That is all I have to say.")
    expect(button(bare, "Copy")).to_have_count(0)
    expect(button(bare, "Jump to the end")).to_have_count(0)
