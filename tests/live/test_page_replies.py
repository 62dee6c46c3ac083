"""What people do with a reply: stop it, have it written again, have it go on, read along."""

import threading

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Finish, GoOn, Reasoning, Stall, Status, Text, WaitFor, answer
from .browser import box, button, expect_state, grew_to, prose, reply, send, stop_button

pytest_plugins = ["tests.live.browser"]
LONG = "".join(f"Paragraph {number}.\n\n" for number in range(60))


@pytest.fixture
def begun(page, model, gate):
    """A reply that has begun and waits for the gate."""
    model.script(Text("one two "), WaitFor(gate), Text("three four"), *ENDING)
    send(page)
    expect(prose(page)).to_have_text("one two")
    return page


def test_thoughts_show_while_the_model_thinks(page, model, gate):
    last = threading.Event()
    steps = Reasoning("Hm. "), WaitFor(gate), Reasoning("*Well*."), WaitFor(last), *answer("Yes.")
    model.script(*steps)
    send(page)
    expect(reply(page).get_by_text("The model is thinking…")).to_be_visible()
    thoughts = reply(page).locator(".thoughts")
    thoughts.get_by_text("Thoughts").click()
    expect(thoughts).to_contain_text("Hm.")
    gate.set()
    expect(thoughts).to_contain_text("*Well*.")
    page.reload()
    expect(thoughts).to_contain_text("Hm. *Well*.")
    thoughts.get_by_text("Thoughts").click()
    last.set()
    expect_state(page, "complete")
    expect(thoughts.locator("em")).to_have_text("Well")  # still open
    expect(prose(page)).to_have_text("Yes.")
    expect(reply(page).get_by_text("The model is thinking…")).to_be_hidden()


def test_stop_ends_it_with_its_text(begun, model):
    stop_button(begun).click()
    expect_state(begun, "stopped")
    expect(prose(begun)).to_have_text("one two")
    expect(reply(begun).get_by_text("You stopped this reply.")).to_be_visible()
    assert model.requests[0].wait_closed().closed_by_client


def test_escape_stops_it(begun):
    box(begun).press("Escape")
    expect_state(begun, "stopped")


def test_stop_works_before_the_first_piece(page, model):
    model.script(Stall())
    send(page)
    model.wait_for_requests(1)
    stop_button(page).click()
    expect_state(page, "stopped")
    expect(button(page, "Try again")).to_be_visible()
    expect(button(page, "Continue")).to_be_hidden()


def test_writing_goes_on_after_stop(begun):
    stop_button(begun).click()
    expect(stop_button(begun)).to_be_hidden()
    expect(box(begun)).to_be_focused()
    send(begun, "Something else")
    expect(begun.locator("article.message")).to_have_count(4)


def test_continue_goes_on_from_the_text(begun, model):
    stop_button(begun).click()
    model.script(GoOn("one two three"), *ENDING)
    button(begun, "Continue").click()
    expect_state(begun, "complete")
    assert grew_to(begun, "one two three")


def test_a_reply_at_its_length_limit_can_be_continued(page, model):
    model.script(GoOn("one two three"), *ENDING)
    model.script(Text("one two "), Finish("length"), times=1)
    send(page)
    expect(reply(page).get_by_text("The reply reached its length limit.")).to_be_visible()
    button(page, "Continue").click()
    expect(prose(page)).to_have_text("one two three")


def test_a_failure_is_told_on_the_message(page, model):
    model.script(Status(401))
    send(page)
    expect_state(page, "failed")
    note = reply(page).locator(".note")
    expect(note).to_be_visible()
    assert len(note.inner_text()) > 20 and "401" not in note.inner_text()


def test_retry_replaces_a_failed_reply(page, model):
    model.script(Status(401), times=1)
    send(page)
    expect_state(page, "failed")
    button(page, "Try again").click()
    expect(prose(page)).to_have_text("You said: Hello. That is all I have to say.")
    expect(page.locator("article.message")).to_have_count(2)
    page.reload()
    expect(page.locator("article.from-model")).to_have_count(1)


def test_a_reload_in_the_middle_goes_on(begun, gate):
    begun.reload()
    expect(prose(begun)).to_have_text("one two")
    gate.set()
    expect_state(begun, "complete")
    assert grew_to(begun, "one two three four")


def test_a_reload_does_not_wait_for_script_to_show_the_text(begun, visits):
    bare = visits.begin(java_script_enabled=False)
    bare.goto(begun.url)
    expect(prose(bare)).to_have_text("one two")


def test_a_second_tab_shows_the_same(begun, gate):
    second = begun.context.new_page()
    second.goto(begun.url)
    expect(prose(second)).to_have_text("one two")
    gate.set()
    for tab in (begun, second):
        expect_state(tab, "complete")
        assert grew_to(tab, "one two three four")
    assert prose(begun).inner_html() == prose(second).inner_html()


def test_stop_in_one_tab_is_seen_in_the_other(begun):
    second = begun.context.new_page()
    second.goto(begun.url)
    stop_button(second).click()
    expect_state(begun, "stopped")


def test_a_deleted_conversation_says_so(begun, visits, admin):
    visits.expected += ["status of 404"]
    conversation = begun.url.rstrip("/").rpartition("/")[2]
    admin.post(f"/admin/chat/conversation/{conversation}/delete/", post="yes")
    expect(reply(begun).get_by_role("alert")).to_have_text("This reply was deleted.")
    expect(prose(begun)).to_have_text("one two")


def test_it_follows_the_text(page, model, gate):
    model.script(Text(LONG), WaitFor(gate), Text("The end."), *ENDING)
    send(page)
    expect(page.get_by_text("Paragraph 59.")).to_be_in_viewport()
    gate.set()
    expect(page.get_by_text("The end.")).to_be_in_viewport()


def test_it_lets_go_when_scrolled_up_and_the_button_returns(page, model, gate):
    model.script(Text(LONG), WaitFor(gate), Text(LONG + "The end."), *ENDING)
    send(page)
    expect(page.get_by_text("Paragraph 59.")).to_be_in_viewport()
    page.mouse.move(600, 300)
    page.mouse.wheel(0, -600)
    expect(button(page, "Jump to the end")).to_be_visible()
    place = page.evaluate("scrollY")
    gate.set()
    expect_state(page, "complete")
    assert page.evaluate("scrollY") == place
    button(page, "Jump to the end").click()
    expect(page.get_by_text("The end.")).to_be_in_viewport()
    expect(button(page, "Jump to the end")).to_be_hidden()


def test_a_reply_can_be_copied_as_it_was_written(page, model):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.script(*answer("**bold** and `code`"))
    send(page)
    expect_state(page, "complete")
    reply(page).get_by_role("button", name="Copy").click()
    expect(page.locator("#status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "**bold** and `code`"
