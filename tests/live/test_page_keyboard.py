"""The page without a mouse."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor
from .browser import PASSWORD, PHONE, box, button, expect_state, prose, stop_button

pytest_plugins = ["tests.live.browser"]
LONGEST_WAY = 40  # presses of a key


def tab_to(page, locator, key="Tab"):
    """Goes on with Tab until `locator` has the focus, which has to be seen."""
    for _ in range(LONGEST_WAY):
        page.keyboard.press(key)
        if locator.evaluate("element => element === document.activeElement"):
            style = "element => getComputedStyle(element).outlineStyle"
            assert locator.evaluate(style) != "none" or locator == box(page)
            return
    raise AssertionError(f"{key} does not lead to {locator}")


def test_from_login_to_stop_by_keyboard_alone(visits, model, gate):
    model.script(Text("one "), WaitFor(gate), *ENDING)
    page = visits.begin(logged_in=False)
    page.goto("/chat/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(prose(page)).to_have_text("one")
    tab_to(page, stop_button(page))
    page.keyboard.press("Enter")
    expect_state(page, "stopped")
    expect(box(page)).to_be_focused()


def test_the_first_stop_leads_past_the_conversations(page):
    page.locator("body").press("Tab")
    link = page.get_by_role("link", name="Skip to the message box")
    tab_to(page, link)
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(box(page)).to_be_focused()


def test_continue_keeps_the_place_of_the_keyboard(page, model, gate):
    model.script(Text("one "), WaitFor(gate), *ENDING)
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(prose(page)).to_have_text("one")
    page.keyboard.press("Escape")
    expect_state(page, "stopped")
    tab_to(page, button(page, "Continue"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect_state(page, "streaming")
    assert page.evaluate("document.activeElement.matches('article.from-model')")


def test_the_drawer_of_a_phone_opens_and_closes(visits):
    page = visits.begin(viewport=PHONE)
    page.goto("/chat/")
    tab_to(page, button(page, "Chats"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="New chat")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="New chat")).to_be_hidden()
    expect(button(page, "Chats")).to_be_focused()


def dialog(page):
    return page.get_by_role("dialog", name="Keyboard shortcuts")


def leave_box(page):
    box(page).evaluate("box => box.blur()")


def test_a_question_mark_lists_the_shortcuts(page):
    leave_box(page)
    page.keyboard.press("?")
    expect(dialog(page)).to_contain_text("Send the message")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()


def test_the_account_menu_lists_them_too(page):
    page.locator(".account summary").click()
    button(page, "Keyboard shortcuts").click()
    button(page, "Close").click()
    expect(dialog(page)).to_be_hidden()


def test_a_question_mark_in_a_message_is_a_question_mark(page):
    box(page).press_sequentially("Why/how?")
    expect(box(page)).to_have_value("Why/how?")
    expect(dialog(page)).to_have_count(0)


def test_single_keys_can_be_switched_off(page):
    leave_box(page)
    page.keyboard.press("?")
    dialog(page).get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(dialog(page)).to_be_hidden()
    page.reload()
    leave_box(page)
    page.keyboard.press("?")
    expect(dialog(page)).to_have_count(0)


def test_escape_closes_the_list_and_stops_nothing(page, model, gate):
    model.script(Text("one "), WaitFor(gate), *ENDING)
    page.keyboard.type("Hello")
    page.keyboard.press("Enter")
    expect(prose(page)).to_have_text("one")
    leave_box(page)
    page.keyboard.press("?")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_be_hidden()
    gate.set()
    expect_state(page, "complete")


def test_a_slash_leads_to_the_search(page):
    leave_box(page)
    page.keyboard.press("/")
    expect(search(page)).to_be_focused()
    page.keyboard.type("and/or?")
    expect(search(page)).to_have_value("and/or?")


def search(page):
    return page.get_by_role("searchbox", name="Search your chats")


def test_a_key_leads_from_the_box_to_the_search(page):
    box(page).press("Control+/")
    expect(search(page)).to_be_focused()


def test_it_does_so_where_a_keyboard_has_it_behind_shift(page):
    event = {"key": "/", "ctrlKey": True, "shiftKey": True, "bubbles": True, "cancelable": True}
    box(page).dispatch_event("keydown", event)
    expect(search(page)).to_be_focused()


@pytest.mark.parametrize("key", ["k", "f", "l", "Shift+o"])
def test_the_browser_keeps_its_own_keys(page, key):
    page.evaluate("addEventListener('keydown', (event) => { taken = event.defaultPrevented })")
    box(page).evaluate(
        """(box, key) => box.dispatchEvent(new KeyboardEvent("keydown", {
          key: key.at(-1), shiftKey: key.length > 1, ctrlKey: true, bubbles: true, cancelable: true,
        }))""",
        key,
    )
    assert page.evaluate("taken") is False


def test_the_list_tells_the_keys_that_work(page):
    leave_box(page)
    page.keyboard.press("?")
    keys = dialog(page).locator("div", has_text="Search your chats").locator("kbd")
    expect(keys).to_have_text(["Ctrl", "/", "/"])


def test_it_opens_the_drawer_of_a_phone(visits):
    page = visits.begin(viewport=PHONE)
    page.goto("/chat/")
    box(page).press("Control+/")
    expect(search(page)).to_be_focused()


def test_an_arrow_in_the_empty_box_edits_the_last_message(page):
    page.keyboard.type("One")
    page.keyboard.press("Enter")
    expect_state(page, "complete")
    page.keyboard.type("Two")
    page.keyboard.press("Enter")
    expect(prose(page)).to_contain_text("You said: Two.")
    expect_state(page, "complete")
    box(page).press("ArrowUp")
    expect(box(page)).to_have_value("Two")
    expect(box(page)).to_be_focused()


def test_enter_that_ends_a_composition_sends_nothing(page, model):
    box(page).fill("にほん")
    box(page).dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    expect(box(page)).to_have_value("にほん")
    assert not model.requests
