"""What is written while a reply runs waits, and is sent by itself when the reply has settled."""

import re

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Cut, Text, WaitFor, answer
from .browser import box, button, expect_state, prose, send, stop_button, trouble

pytest_plugins = ["tests.live.browser"]


@pytest.fixture
def begun(page, model, gate):
    """A conversation whose first reply is in its middle."""
    model.script(Text("one "), WaitFor(gate), Text("two"), *ENDING, when="First")
    send(page, "First")
    expect(prose(page)).to_have_text("one")
    return page


def waiting(page):
    return page.locator("waiting-messages article")


def asked(page):
    """The messages that were sent, as the page shows them."""
    return page.locator("chat-transcript article.from-user .text")


def prompts(model):
    return [each.prompt for each in model.requests]


def test_a_message_waits_for_the_reply(begun, model, gate):
    send(begun, "Second")
    expect(waiting(begun)).to_contain_text("Waits for the reply to finish")
    expect(box(begun)).to_have_value("")
    assert prompts(model) == ["First"]
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Second.")
    expect(waiting(begun)).to_have_count(0)
    assert prompts(model) == ["First", "Second"]


def test_several_go_one_after_the_other(begun, model, gate):
    for text in ("Second", "Third", "Fourth"):
        send(begun, text)
    expect(waiting(begun).locator(".text")).to_have_text(["Second", "Third", "Fourth"])
    gate.set()
    expect(asked(begun)).to_have_text(["First", "Second", "Third", "Fourth"])
    expect(prose(begun)).to_contain_text("You said: Fourth.")
    assert prompts(model) == ["First", "Second", "Third", "Fourth"]


def test_it_is_sent_after_a_stop(begun):
    send(begun, "Second")
    stop_button(begun).click()
    expect(prose(begun)).to_contain_text("You said: Second.")


def test_it_is_sent_after_a_failure(page, model, gate):
    model.script(Text("one "), WaitFor(gate), Cut(), when="First")
    send(page, "First")
    expect(prose(page)).to_have_text("one")
    send(page, "Second")
    expect(waiting(page)).to_have_count(1)
    gate.set()
    expect(prose(page)).to_contain_text("You said: Second.")


def test_it_goes_to_the_model_that_was_chosen(begun, model, gate):
    begun.get_by_label("Model").select_option("double-2")
    send(begun, "Second")
    begun.get_by_label("Model").select_option("double-1")
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Second.")
    assert model.requests[-1].body["model"] == "double-2"


def test_it_can_be_taken_back(begun, model, gate):
    send(begun, "Second")
    button(begun, "Edit again").click()
    expect(waiting(begun)).to_have_count(0)
    expect(box(begun)).to_have_value("Second")
    expect(box(begun)).to_be_focused()
    gate.set()
    expect_state(begun, "complete")
    assert prompts(model) == ["First"]


def test_what_is_taken_back_goes_before_what_was_written_meanwhile(begun):
    send(begun, "Second")
    box(begun).fill("Third")
    button(begun, "Edit again").click()
    expect(box(begun)).to_have_value("Second\n\nThird")


def test_two_that_are_taken_back_keep_their_order(begun):
    for text in ("Second", "Third", "Fourth"):
        send(begun, text)
    box(begun).fill("Since")
    for text in ("Third", "Second", "Fourth"):
        waiting(begun).filter(has_text=text).get_by_role("button", name="Edit again").click()
    expect(box(begun)).to_have_value("Second\n\nThird\n\nFourth\n\nSince")
    box(begun).fill("Anew")
    send(begun, "Fifth")
    button(begun, "Edit again").click()
    expect(box(begun)).to_have_value("Fifth")


def test_without_network_it_waits_until_that_is_back(begun, visits, model, gate):
    visits.expected.append("ERR_INTERNET_DISCONNECTED")
    gate.set()
    expect_state(begun, "complete")
    box(begun).fill("Second")
    begun.context.set_offline(True)
    box(begun).press("Enter")
    expect(waiting(begun).get_by_role("alert")).to_have_text("You are offline.")
    expect(box(begun)).to_have_value("")
    expect(trouble(begun)).to_be_empty()
    send(begun, "Third")
    expect(waiting(begun)).to_have_count(2)
    begun.context.set_offline(False)
    expect(prose(begun)).to_contain_text("You said: Third.")
    expect(asked(begun)).to_have_text(["First", "Second", "Third"])
    expect(waiting(begun)).to_have_count(0)
    assert prompts(model) == ["First", "Second", "Third"]


def test_it_survives_a_reload(begun, model, gate):
    send(begun, "Second")
    expect(waiting(begun)).to_have_count(1)
    begun.reload()
    expect(waiting(begun)).to_contain_text("Second")
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Second.")
    assert prompts(model) == ["First", "Second"]


def test_it_is_sent_when_the_page_is_opened_again(begun, model, gate):
    send(begun, "Second")
    expect(waiting(begun)).to_have_count(1)
    context, url = begun.context, begun.url
    begun.close()
    gate.set()
    page = context.new_page()
    page.goto(url)
    expect(prose(page)).to_contain_text("You said: Second.")
    assert prompts(model) == ["First", "Second"]


def test_two_tabs_send_it_once(begun, visits, model, gate):
    visits.expected.append("status of 409")
    tab = begun.context.new_page()
    tab.goto(begun.url)
    expect(prose(tab)).to_have_text("one")
    for text in ("Second", "Third"):
        send(begun, text)
    expect(waiting(begun)).to_have_count(2)
    send(tab, "Fourth")
    expect(waiting(tab).locator(".text")).to_have_text(["Second", "Third", "Fourth"])
    gate.set()
    for each in (begun, tab):
        expect(waiting(each)).to_have_count(0)
    model.wait_for_requests(4)
    assert prompts(model) == ["First", "Second", "Third", "Fourth"]


def test_an_answer_that_was_lost_sends_nothing_twice(begun, visits, model, gate):
    visits.expected.append("ERR_FAILED")
    begun.route(re.compile(r"/chat/[0-9a-f-]{36}/\?as=html"), _deliver_and_lose, times=1)
    send(begun, "Second")
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Second.")
    expect(waiting(begun)).to_have_count(0)
    expect(asked(begun)).to_have_text(["First", "Second"])
    assert prompts(model) == ["First", "Second"]


def _deliver_and_lose(route):
    route.fetch()
    route.abort()


def test_it_waits_for_the_connection(begun, visits, model, gate):
    visits.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED"]
    send(begun, "Second")
    begun.route(re.compile(r"/chat/[0-9a-f-]{36}/\?as=html"), lambda route: route.abort())
    gate.set()
    alert = waiting(begun).get_by_role("alert")
    expect(alert).to_have_text("The server cannot be reached at the moment.")
    expect(waiting(begun)).to_contain_text("Sends automatically")
    begun.unroute_all()
    expect(prose(begun)).to_contain_text("You said: Second.")


def test_it_waits_until_a_limit_is_over(begun, visits, gate):
    visits.expected.append("status of 429")
    limit = {"status": 429, "headers": {"Retry-After": "3"}, "json": {"error": "Not so fast."}}
    begun.route(re.compile(r"/chat/[0-9a-f-]{36}/\?as=html"), lambda r: r.fulfill(**limit), times=1)
    send(begun, "Second")
    gate.set()
    expect(waiting(begun).get_by_role("alert")).to_have_text("Not so fast.")
    expect(prose(begun)).to_contain_text("You said: Second.")


def test_one_that_is_refused_says_why_and_what_next(begun, visits, model, gate):
    visits.expected.append("status of 403")
    model.script(*answer("Now."), when="Second")
    token = begun.locator(".composer [name=csrfmiddlewaretoken]")
    right = token.input_value()
    token.evaluate("input => input.value = 'wrong'")
    send(begun, "Second")
    send(begun, "Third")
    gate.set()
    expect(waiting(begun).first.get_by_role("alert")).to_contain_text("This page is too old")
    token.evaluate("(input, value) => input.value = value", right)
    button(begun, "Try again").click()
    expect(prose(begun)).to_contain_text("You said: Third.")
    assert prompts(model) == ["First", "Second", "Third"]


def test_one_that_was_refused_can_be_taken_back(begun, visits, gate):
    visits.expected.append("status of 403")
    begun.locator(".composer [name=csrfmiddlewaretoken]").evaluate("input => input.value = 'wrong'")
    send(begun, "Second")
    gate.set()
    expect(button(begun, "Try again")).to_be_visible()
    button(begun, "Edit again").click()
    expect(box(begun)).to_have_value("Second")
    expect(waiting(begun)).to_have_count(0)


# Edits


def edit(page, text):
    """Sends the first message anew."""
    page.get_by_role("link", name="Edit").first.click()
    expect(page.locator(".editing")).to_be_visible()
    send(page, text)


def test_an_edit_waits_too(begun, model, gate):
    box(begun).fill("A draft")
    edit(begun, "Other")
    expect(waiting(begun)).to_contain_text("Your edit waits for the reply to finish")
    expect(box(begun)).to_have_value("A draft")
    assert prompts(model) == ["First"]
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Other.")
    expect(asked(begun)).to_have_text(["Other"])
    expect(waiting(begun)).to_have_count(0)
    expect(begun.get_by_role("group", name="Version 2 of 2")).to_be_visible()


def test_an_edit_can_stop_the_reply_that_it_replaces(begun, model):
    edit(begun, "Other")
    button(begun, "Stop the reply and send").click()
    expect(prose(begun)).to_contain_text("You said: Other.")
    expect(asked(begun)).to_have_text(["Other"])
    expect(box(begun)).to_be_focused()
    button(begun, "Previous version").click()
    expect(prose(begun)).to_have_text("one")


def test_only_an_edit_offers_to_stop_the_reply(begun):
    send(begun, "Second")
    expect(waiting(begun)).to_have_count(1)
    expect(button(begun, "Stop the reply and send")).to_be_hidden()


def test_an_edit_can_be_taken_back_and_cancelled(begun, model, gate):
    box(begun).fill("A draft")
    edit(begun, "Other")
    button(begun, "Edit again").click()
    expect(waiting(begun)).to_have_count(0)
    expect(begun.locator(".editing")).to_be_visible()
    expect(box(begun)).to_have_value("Other")
    box(begun).press("Escape")
    expect(begun.locator(".editing")).to_be_hidden()
    expect(box(begun)).to_have_value("A draft")
    gate.set()
    expect_state(begun, "complete")
    assert prompts(model) == ["First"]


def test_an_edit_that_was_taken_back_is_sent_as_an_edit(begun, gate):
    edit(begun, "Other")
    button(begun, "Edit again").click()
    gate.set()
    expect_state(begun, "complete")
    send(begun, "Better")
    expect(prose(begun)).to_contain_text("You said: Better.")
    expect(asked(begun)).to_have_text(["Better"])


def test_an_edit_survives_a_reload(begun, gate):
    edit(begun, "Other")
    expect(waiting(begun)).to_have_count(1)
    begun.reload()
    expect(waiting(begun)).to_contain_text("Your edit waits")
    gate.set()
    expect(prose(begun)).to_contain_text("You said: Other.")
    expect(asked(begun)).to_have_text(["Other"])


def test_an_edit_takes_its_turn_behind_what_waits_already(begun, model, gate):
    send(begun, "Second")
    expect(waiting(begun)).to_have_count(1)
    edit(begun, "Other")
    expect(waiting(begun).locator(".text")).to_have_text(["Second", "Other"])
    gate.set()
    expect(asked(begun)).to_have_text(["Other"])
    expect(prose(begun)).to_contain_text("You said: Other.")
    assert prompts(model) == ["First", "Second", "Other"]


def test_an_edit_waits_for_a_reply_that_another_tab_has_begun(page, visits, model, gate):
    visits.expected.append("status of 409")
    send(page, "First")
    expect_state(page, "complete")
    model.script(Text("one "), WaitFor(gate), *ENDING, when="Elsewhere")
    elsewhere = visits.begin()  # another browser: this one hears nothing of it
    elsewhere.goto(page.url)
    send(elsewhere, "Elsewhere")
    expect(prose(elsewhere)).to_have_text("one")
    edit(page, "Other")
    expect(waiting(page)).to_contain_text("Your edit waits")
    gate.set()
    expect(asked(page)).to_have_text(["Other"])
