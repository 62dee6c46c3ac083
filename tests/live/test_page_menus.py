"""The menus of the site: they fit, and they close."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor
from .browser import DESKTOP, PHONE, box, button, expect_state, prose, send

pytest_plugins = ["tests.live.browser"]
LOW = {"width": 360, "height": 480}
FINGER = 44  # pixels
SMALL = """least => [...document.querySelectorAll("a, button, summary, select, input, textarea")]
  .filter((each) => each.checkVisibility() && !each.matches(".skip, .prose a"))
  .map((each) => [each.textContent.trim() || each.ariaLabel, each.getBoundingClientRect()])
  .filter(([, { width, height }]) => width < least || height < least)
  .map(([name, { width, height }]) => `${name}: ${width} by ${height}`)"""


@pytest.fixture(scope="module")
def conversation(admin):
    asked = admin.ask("Hello")
    admin.wait_settled(asked)
    return asked["conversation"]["url"]


@pytest.fixture(params=[DESKTOP, PHONE, LOW], ids=["wide", "narrow", "low"])
def screen(visits, conversation, request):
    page = visits.begin(viewport=request.param)
    page.goto(conversation)
    return page


def opened(page, menu):
    """The things to do of a menu, once it is open."""
    page.locator(f"{menu} > summary").click()
    return page.locator(f"{menu} > menu")


def reopened(page, menu, elsewhere):
    """As `opened`; by then the script for it is there, since it has closed the menu before."""
    things = opened(page, menu)
    elsewhere.click()
    expect(things).to_be_hidden()
    return opened(page, menu)


def expect_on_the_screen(page, menu):
    expect(menu).to_be_visible()
    place, screen = menu.bounding_box(), page.viewport_size
    assert place["x"] >= 0 and place["x"] + place["width"] <= screen["width"], place
    assert place["y"] >= 0 and place["y"] + place["height"] <= screen["height"], place


def test_the_menu_of_a_conversation_stays_on_the_screen(screen):
    menu = opened(screen, "#conversation-menu")
    expect_on_the_screen(screen, menu)
    for part in ("Instructions", "Share", "Export"):
        menu.locator("summary").filter(has_text=part).click()
        expect_on_the_screen(screen, menu)
    last = menu.get_by_role("button").last
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport(ratio=0.9)


def test_the_menu_of_the_account_stays_on_the_screen(screen):
    drawer = button(screen, "Chats")
    if drawer.is_visible():
        drawer.click()
    expect_on_the_screen(screen, opened(screen, ".account"))


def test_escape_closes_a_menu_and_stops_nothing(page, model, gate):
    model.script(Text("one "), WaitFor(gate), *ENDING)
    send(page)
    expect(prose(page)).to_have_text("one")
    menu = reopened(page, "#conversation-menu", box(page))
    menu.get_by_label("Title").focus()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("#conversation-menu > summary")).to_be_focused()
    gate.set()
    expect_state(page, "complete")


def test_escape_closes_the_menu_before_the_drawer(visits):
    page = visits.begin(viewport=PHONE)
    page.goto("/chat/")
    button(page, "Chats").click()
    menu = reopened(page, ".account", page.get_by_role("searchbox"))
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.get_by_role("link", name="New chat")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="New chat")).to_be_hidden()


def test_turning_to_something_else_closes_a_menu(page):
    menu = opened(page, ".account")
    expect(menu).to_be_visible()
    box(page).click()
    expect(menu).to_be_hidden()
    expect(box(page)).to_be_focused()


def test_leaving_it_by_keyboard_closes_a_menu(page):
    menu = opened(page, ".account")
    button(page, "Log out").focus()
    page.keyboard.press("Tab")
    expect(menu).to_be_hidden()


def test_the_list_of_shortcuts_leads_back_to_its_menu(page):
    opened(page, ".account").get_by_role("button", name="Keyboard shortcuts").click()
    button(page, "Close").click()
    expect(page.locator(".account > summary")).to_be_focused()
    expect(page.locator(".account > menu")).to_be_hidden()


def test_what_a_finger_presses_is_large_enough(visits, conversation):
    page = visits.begin(viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto(conversation)
    assert page.evaluate(SMALL, FINGER) == []
    opened(page, "#conversation-menu").get_by_text("Export", exact=True).click()
    assert page.evaluate(SMALL, FINGER) == []
    page.goto("/chat/")
    button(page, "Chats").click()
    opened(page, ".account")
    assert page.evaluate(SMALL, FINGER) == []


def test_forced_colours_leave_edges_and_nothing_shines_through(visits, conversation):
    page = visits.begin(forced_colors="active")
    page.goto(conversation)
    for place in (".bar", ".dock"):
        expect(page.locator(place)).to_have_css("background-image", "none")
    for edge in (".from-user .text", ".sidebar", ".send"):
        expect(page.locator(edge)).to_have_css("border-inline-end-style", "solid")
    expect(page.locator(".row[aria-current]")).to_have_css("outline-style", "solid")
