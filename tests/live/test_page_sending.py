"""Writing and sending a message, and the reply that grows."""

import re
from threading import Event

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Stall, Text, WaitFor, answer
from .browser import box, button, expect_state, grew_to, prose, reply, send, stop_button, trouble

pytest_plugins = ["tests.live.browser"]
CONVERSATION = re.compile(r"/chat/[0-9a-f-]{36}/$")


def test_a_message_begins_a_conversation(page):
    send(page, "How are you?")
    expect(page).to_have_url(CONVERSATION)
    expect(page.locator("article.from-user")).to_contain_text("How are you?")
    expect(prose(page)).to_have_text("You said: How are you?. That is all I have to say.")


def test_a_draft_survives_a_look_elsewhere(page):
    box(page).fill("A draft")
    page.goto("/chat/archived/")
    page.go_back()
    expect(box(page)).to_have_value("A draft")


def test_the_reply_grows_in_the_page(page, model):
    first, second = Event(), Event()
    steps = WaitFor(first), Text("one two "), WaitFor(second), Text("three")
    model.script(*steps, *ENDING)
    send(page)
    expect(page.get_by_text("Waiting for the model…")).to_be_visible()
    first.set()
    expect(prose(page)).to_have_text("one two")
    expect_state(page, "streaming")
    second.set()
    expect_state(page, "complete")
    assert grew_to(page, "one two three")


def test_it_is_the_same_after_a_reload(page, model):
    model.script(*answer("# Title\n\n- one\n- two\n\n> *said*"))
    send(page)
    expect_state(page, "complete")
    before = reply(page).inner_html()
    page.reload()
    assert _without_token(reply(page).inner_html()) == _without_token(before)


def _without_token(html):
    return re.sub('value="[^"]+"', "", html)


def test_enter_with_shift_begins_a_line(page):
    box(page).press_sequentially("one")
    box(page).press("Shift+Enter")
    box(page).press_sequentially("two")
    expect(box(page)).to_have_value("one\ntwo")
    box(page).press("Enter")
    expect(page.locator("article.from-user .text")).to_have_text("one\ntwo", use_inner_text=True)


def test_a_further_message_stays_in_the_page(page):
    send(page, "First")
    expect_state(page, "complete")
    page.evaluate("window.same = true")
    send(page, "Second")
    expect(prose(page)).to_contain_text("You said: Second.")
    expect_state(page, "complete")
    expect(page.locator("article.message")).to_have_count(4)
    assert page.evaluate("window.same")


def test_the_first_state_of_a_further_reply_is_waiting(page, model, gate):
    send(page, "First")
    expect_state(page, "complete")
    model.script(WaitFor(gate), *answer("Now."), when="Second")
    send(page, "Second")
    expect(reply(page).get_by_text("Waiting for the model…")).to_be_visible()
    expect(box(page)).to_have_value("")
    gate.set()
    expect(prose(page)).to_have_text("Now.")


def test_an_empty_message_is_not_sent(page, model):
    for text in ("", "  \n "):
        send(page, text)
        button(page, "Send").click()
    expect(page).to_have_url(re.compile("/chat/$"))
    assert not model.requests


def test_a_long_message_is_counted(page):
    box(page).fill("x" * 30_000)
    expect(page.locator("#message-length")).to_have_text("30,000 / 32,000")


def test_a_message_over_the_limit_is_kept_and_says_what_to_do(page, model):
    send(page, "x" * 32_010)
    expect(trouble(page)).to_have_text("10 characters too long.")
    assert len(box(page).input_value()) == 32_010
    assert not model.requests
    box(page).press("Backspace")
    expect(trouble(page)).to_be_empty()


def test_too_many_messages_a_minute_are_told_when_to_go_on(visits, live_site, admin):
    visits.expected.append("status of 429")
    live_site.environment["CHAT_MESSAGES_PER_MINUTE"] = "1"
    strict = live_site.start()
    admin.ask("One")
    page = visits.begin(port=strict)
    page.goto("/chat/")
    send(page, "Two")
    expect(trouble(page)).to_contain_text("You can send 1 messages a minute. Try again in")
    expect(box(page)).to_have_value("Two")
    live_site.environment["CHAT_MESSAGES_PER_MINUTE"] = "1000"
    live_site.kill(strict)


def test_a_double_click_sends_once(page, model):
    box(page).fill("Once")
    button(page, "Send").dblclick()
    expect_state(page, "complete")
    expect(page.locator("article.message")).to_have_count(2)
    assert [each.prompt for each in model.requests] == ["Once"]


def test_a_send_whose_answer_was_lost_is_stored_once(page, visits, model):
    """The message arrives, the answer does not; the person sends again."""
    visits.expected.append("ERR_FAILED")
    page.route("**/chat/?as=html", _deliver_and_lose, times=1)
    send(page, "Only once")
    expect(trouble(page)).to_have_text(
        "The server could not be reached. Nothing is lost. Try again in a moment."
    )
    expect(box(page)).to_have_value("Only once")
    button(page, "Send").click()
    expect_state(page, "complete")
    assert [each.prompt for each in model.requests] == ["Only once"]


def _deliver_and_lose(route):
    route.fetch()
    route.abort()


def test_a_draft_survives_a_reload(page):
    box(page).fill("Not finished")
    page.reload()
    expect(box(page)).to_have_value("Not finished")


def test_a_draft_that_was_sent_is_gone(page):
    send(page, "Finished")
    expect(page).to_have_url(CONVERSATION)
    page.goto("/chat/")
    expect(box(page)).to_have_value("")


@pytest.mark.parametrize("name", ["double-1", "double-2"])
def test_the_model_can_be_chosen(page, model, name):
    page.get_by_label("Model").select_option(name)
    send(page)
    expect(reply(page).locator("small")).to_have_text(name)
    assert model.requests[0].body["model"] == name


def test_the_stop_button_is_there_while_a_reply_runs(page, model):
    expect(stop_button(page)).to_be_hidden()
    model.script(Stall())
    send(page)
    expect(stop_button(page)).to_be_visible()
