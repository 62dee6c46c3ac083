"""A conversation is a tree: messages are edited, replies written again, versions browsed."""

import re

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Status, Text, WaitFor, answer
from .browser import box, button, expect_state, prose, reply, send, trouble

pytest_plugins = ["tests.live.browser"]
FIRST, SECOND = "You said: First. Fine.", "You said: Second. Fine."


@pytest.fixture
def talk(page, model):
    """A conversation of two messages, each answered."""
    for text in ("First", "Second"):
        model.script(*answer(f"You said: {text}. Fine."), when=text)
        ask(page, text)
    return page


def ask(page, text):
    """Sends a message, and waits for the end of its reply."""
    send(page, text)
    expect(prose(page)).to_contain_text(f"You said: {text}.")
    expect_state(page, "complete")


def message(page, number=0):
    return page.locator("article.from-user").nth(number)


def texts(page):
    return page.locator("article .text, article chat-reply")


def editing(page):
    """What the composer says while an earlier message is in it."""
    return page.locator(".editing")


def edit(page, number=0):
    message(page, number).get_by_role("link", name="Edit").click()
    expect(editing(page)).to_be_visible()


def versions(article, number, count):
    return article.get_by_role("group", name=f"Version {number} of {count}")


# Editing


def test_an_edited_message_takes_the_place_of_what_followed(talk, model):
    model.script(*answer("Third reply"), when="Third")
    talk.evaluate("window.same = true")
    edit(talk)
    expect(box(talk)).to_have_value("First")
    expect(box(talk)).to_be_focused()
    send(talk, "Third")
    expect(texts(talk)).to_have_text(["Third", "Third reply"])
    expect(editing(talk)).to_be_hidden()
    assert talk.evaluate("window.same")
    talk.reload()
    expect(texts(talk)).to_have_text(["Third", "Third reply"])


@pytest.mark.parametrize("way", ["Escape", "Cancel"])
def test_it_can_be_cancelled_and_the_draft_is_back(talk, way):
    box(talk).fill("A draft")
    edit(talk)
    if way == "Escape":
        box(talk).press("Escape")
    else:
        talk.get_by_role("link", name="Cancel").click()
    expect(editing(talk)).to_be_hidden()
    expect(box(talk)).to_have_value("A draft")
    expect(message(talk).get_by_role("link", name="Edit")).to_be_focused()


def test_after_cancel_a_message_goes_to_the_end(talk):
    edit(talk)
    box(talk).press("Escape")
    send(talk, "And now?")
    expect(talk.locator("article.message")).to_have_count(6)


def test_the_draft_is_back_after_an_edit_and_after_a_reload(talk):
    box(talk).fill("A draft")
    edit(talk)
    box(talk).fill("Other")
    talk.reload()
    expect(box(talk)).to_have_value("A draft")
    edit(talk)
    send(talk, "Other")
    expect(box(talk)).to_have_value("A draft")


def test_an_edit_that_is_refused_stays_in_the_box(talk, visits):
    visits.expected.append("status of 403")
    talk.locator(".composer [name=csrfmiddlewaretoken]").evaluate("input => input.value = 'no'")
    edit(talk)
    send(talk, "Other")
    expect(trouble(talk)).to_contain_text("This page is too old")
    expect(box(talk)).to_have_value("Other")
    expect(editing(talk)).to_be_visible()


def test_the_page_of_an_edit_works_with_script_too(talk):
    talk.goto(f"{talk.url}{message(talk).get_by_role('link', name='Edit').get_attribute('href')}")
    expect(box(talk)).to_have_value("First")
    send(talk, "Other")
    expect(talk).to_have_url(re.compile("/chat/[0-9a-f-]{36}/$"))
    expect(texts(talk).first).to_have_text("Other")


# Regenerating


def test_a_reply_is_written_again_with_another_model(talk, model):
    model.script(*answer("Another reply"), when="Second")
    button(talk, "Regenerate").last.click()
    items = reply(talk).locator(".models menu button")
    expect(items).to_have_text(["double-1", "double-2"])
    expect(items.first).to_be_focused()
    items.last.click()
    expect(prose(talk)).to_have_text("Another reply")
    expect(reply(talk).locator("small")).to_have_text("double-2")
    expect(versions(reply(talk), 2, 2)).to_be_visible()


def test_the_replys_own_model_comes_first(talk, model):
    talk.get_by_label("Model").select_option("double-2")
    ask(talk, "Third")
    button(talk, "Regenerate").last.click()
    expect(reply(talk).locator(".models menu button").first).to_have_text("double-2")


def test_escape_closes_the_models(talk):
    button(talk, "Regenerate").last.click()
    expect(button(talk, "double-1")).to_be_focused()
    talk.keyboard.press("Escape")
    expect(talk.locator(".models")).to_have_count(0)
    expect(button(talk, "Regenerate").last).to_be_focused()


def test_turning_to_something_else_closes_the_models(talk):
    button(talk, "Regenerate").last.click()
    expect(button(talk, "double-1")).to_be_focused()
    box(talk).click()
    expect(talk.locator(".models")).to_have_count(0)
    expect(box(talk)).to_be_focused()


def test_a_reply_in_the_middle_is_written_again(talk, model):
    model.script(*answer("Other"), when="First")
    button(talk, "Regenerate").first.click()
    expect(button(talk, "double-1")).to_be_focused()
    talk.keyboard.press("Enter")
    expect(texts(talk)).to_have_text(["First", "Other"])


def test_continue_is_offered_at_the_end_only(page, model, gate):
    model.script(Text("one"), WaitFor(gate), *ENDING, when="First")
    send(page, "First")
    expect(prose(page)).to_have_text("one")
    box(page).press("Escape")
    expect(button(page, "Continue")).to_be_visible()
    ask(page, "Second")
    expect(button(page, "Continue")).to_be_hidden()


# Browsing


def test_versions_are_browsed_in_place(talk):
    edit(talk)
    ask(talk, "Other")
    talk.evaluate("window.same = true")
    versions(message(talk), 2, 2).get_by_role("button", name="Previous version").click()
    expect(texts(talk)).to_have_text(["First", FIRST, "Second", SECOND])
    again = versions(message(talk), 1, 2).get_by_role("button", name="Previous version")
    expect(again).to_be_focused()
    expect(again).to_have_attribute("aria-disabled", "true")
    expect(talk.locator("#status")).to_have_text("Version 1 of 2")
    versions(message(talk), 1, 2).get_by_role("button", name="Next version").press("Enter")
    expect(texts(talk).first).to_have_text("Other")
    assert talk.evaluate("window.same")


def test_the_head_is_known_at_any_time(talk):
    head = talk.locator("chat-transcript")
    last = reply(talk).get_attribute("data-reply")
    expect(head).to_have_attribute("data-head", last)
    edit(talk)
    ask(talk, "Other")
    expect(head).to_have_attribute("data-head", reply(talk).get_attribute("data-reply"))
    versions(message(talk), 2, 2).get_by_role("button", name="Previous version").click()
    expect(head).to_have_attribute("data-head", last)


def test_while_a_reply_runs_no_other_version_is_shown(talk, visits, model, gate):
    visits.expected.append("status of 409")
    edit(talk)
    ask(talk, "Other")
    model.script(Text("one "), WaitFor(gate), *ENDING, when="More")
    send(talk, "More")
    expect(prose(talk)).to_have_text("one")
    arrow = versions(message(talk), 2, 2).get_by_role("button", name="Previous version")
    arrow.click()
    expect(message(talk).get_by_role("alert")).to_contain_text("A reply is still being written")
    expect(arrow).to_be_focused()
    expect(texts(talk).first).to_have_text("Other")


def test_what_another_tab_did_comes_with_a_refresh(talk, model, gate):
    second = talk.context.new_page()
    second.goto(talk.url)
    model.script(Text("one "), WaitFor(gate), Text("two"), *ENDING, when="Third")
    edit(talk, 1)
    send(talk, "Third")
    expect(prose(talk)).to_have_text("one")
    second.evaluate("first = document.querySelector('article')")
    second.evaluate("document.querySelector('chat-transcript').refresh()")
    expect(prose(second)).to_have_text("one")
    talk.evaluate("running = document.querySelector('article:last-of-type chat-reply')")
    talk.evaluate("document.querySelector('chat-transcript').refresh()")
    gate.set()
    for tab in (talk, second):
        expect(texts(tab)).to_have_text(["First", FIRST, "Third", "one two"])
    assert second.evaluate("first.isConnected") and talk.evaluate("running.isConnected")


# Without script


@pytest.fixture
def bare(talk, visits):
    page = visits.begin(java_script_enabled=False)
    page.goto(talk.url)
    return page


def reload_until(page, *expected):
    for _ in range(100):
        is_complete = reply(page).get_attribute("data-state") == "complete"
        if is_complete and texts(page).all_inner_texts() == [*expected]:
            return
        page.goto(page.url)
    raise AssertionError(texts(page).all_inner_texts())


def test_without_script_editing_works(bare):
    message(bare).get_by_role("link", name="Edit").click()
    expect(editing(bare)).to_be_visible()
    expect(box(bare)).to_have_value("First")
    bare.get_by_role("link", name="Cancel").click()
    expect(editing(bare)).to_be_hidden()
    message(bare, 1).get_by_role("link", name="Edit").click()
    box(bare).fill("First again")
    button(bare, "Send").click()
    reload_until(bare, "First", FIRST, "First again", FIRST)


def test_without_script_replies_are_written_again_and_browsed(bare, model):
    model.script(*answer("Other"), when="First")
    button(bare, "Regenerate").first.click()
    reload_until(bare, "First", "Other")
    versions(reply(bare), 2, 2).get_by_role("button", name="Previous version").click()
    expect(texts(bare)).to_have_text(["First", FIRST, "Second", SECOND])
    expect(bare).to_have_url(re.compile("#message-"))


def test_a_failed_reply_is_retried_with_one_click(page, model):
    model.script(Status(401), times=1)
    send(page)
    expect_state(page, "failed")
    expect(button(page, "Regenerate")).to_have_count(0)
    button(page, "Try again").click()
    expect_state(page, "complete")


# Long messages

CODE = "Why?\n```python\n" + "print(1)\n" * 40 + "```\nThat is all."


def test_a_long_message_is_folded_until_one_wants_all_of_it(page, visits, model):
    send(page, CODE)
    expect_state(page, "complete")
    text = texts(page).first
    is_folded = "text => text.clientHeight < text.scrollHeight"
    assert text.evaluate(is_folded)
    expect(text.locator("pre")).to_have_text("print(1)\n" * 40)
    button(page, "Show all").press("Enter")
    assert not text.evaluate(is_folded)
    page.evaluate("document.querySelector('chat-transcript').refresh()")
    expect(button(page, "Show less")).to_be_focused()
    button(page, "Show less").press("Space")
    assert text.evaluate(is_folded)
    edit(page, 0)
    expect(box(page)).to_have_value(CODE)
    bare = visits.begin(java_script_enabled=False)
    bare.goto(page.url)
    expect(button(bare, "Show all")).to_be_hidden()
    assert not texts(bare).first.evaluate(is_folded)


# Earlier messages


LONG = 230  # messages
SEED = f"""
from django.contrib.auth import get_user_model
from chat.models import Conversation, Message

user = get_user_model().objects.get(username="admin")
conversation = Conversation.objects.create(user=user, title="Long")
messages = []
for position in range({LONG}):
    role, state = [("user", ""), ("assistant", "stopped")][position % 2]
    messages.append(Message(
        conversation=conversation, parent=messages[-1] if messages else None,
        position=position, role=role, state=state, text=f"Text {{position}}.",
    ))
Message.objects.bulk_create(messages)
Conversation.objects.filter(pk=conversation.pk).update(head=messages[-1])
print(conversation.get_absolute_url())
"""


SHOW_ALL = """
const sheet = new CSSStyleSheet();
sheet.replaceSync("article { content-visibility: visible !important }");
document.adoptedStyleSheets.push(sheet);
"""


@pytest.fixture
def long(live_site, page):
    """The page of a long conversation."""
    page.goto(live_site.shell(SEED).strip())
    return page


def test_earlier_messages_come_in_place_until_there_are_none(long):
    long.evaluate("window.same = true")
    earlier = long.get_by_role("link", name="Show earlier messages")
    for shown in (100, 150, 200, LONG):
        earlier.click()
        expect(long.locator("article.message")).to_have_count(shown)
    expect(earlier).to_have_count(0)
    numbers = [int(re.search(r"\d+", text)[0]) for text in texts(long).all_text_contents()]
    assert numbers == [*range(LONG)] and long.evaluate("window.same")


def test_what_is_far_from_the_screen_costs_nothing_and_keeps_its_place(long):
    """Where people write, each key would lay all of it out anew."""
    far = long.locator("article.message").nth(1).element_handle()
    is_left_out = "far => !far.firstElementChild.checkVisibility({ contentVisibilityAuto: true })"
    long.wait_for_function(is_left_out, arg=far)
    height = "document.documentElement.scrollHeight"
    before = long.evaluate(height)
    long.emulate_media(media="print")
    long.wait_for_function(f"far => !({is_left_out})(far)", arg=far)
    long.emulate_media(media="screen")
    long.wait_for_function(is_left_out, arg=far)
    assert long.evaluate("find('Text 181.', false, true)")
    long.wait_for_function(f"far => !({is_left_out})(far)", arg=far)
    long.evaluate(SHOW_ALL)
    assert long.evaluate(height) == before


def test_a_link_to_a_message_leads_to_it_where_it_is_left_out(long):
    id = long.locator("article.message").nth(1).get_attribute("id")
    long.evaluate("id => location.hash = id", id)
    expect(long.locator(f"[id='{id}']")).to_be_in_viewport()


def test_what_is_read_stays_where_it_is(long):
    first = texts(long).filter(has_text="Text 180.")
    first.scroll_into_view_if_needed()
    long.mouse.move(600, 300)
    long.mouse.wheel(0, -10_000)
    expect(long.get_by_role("link", name="Show earlier messages")).to_be_in_viewport()
    before = first.bounding_box()["y"]
    long.get_by_role("link", name="Show earlier messages").press("Enter")
    expect(long.locator("article.message")).to_have_count(100)
    assert abs(first.bounding_box()["y"] - before) <= 2
    expect(long.get_by_role("link", name="Show earlier messages")).to_be_focused()


def test_a_refresh_keeps_the_earlier_messages(long):
    long.get_by_role("link", name="Show earlier messages").click()
    expect(long.locator("article.message")).to_have_count(100)
    long.evaluate("document.querySelector('chat-transcript').refresh()")
    expect(long.locator("article.message")).to_have_count(100)
    edit(long, 1)
    ask(long, "Other")
    expect(texts(long).last).to_have_text(re.compile("You said: Other"))
    expect(texts(long).filter(has_text="Text 132.")).to_have_count(0)
    expect(texts(long).filter(has_text="Text 131.")).to_have_count(1)
