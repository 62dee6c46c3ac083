"""Many tabs of one browser, which gives a site six connections on HTTP/1.1."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Stall, Text, WaitFor
from .browser import box, button, expect_state, grew_to, prose, reply, send, stop_button

pytest_plugins = ["tests.live.browser"]
TABS = 7


@pytest.fixture
def tabs(page, model, gate):
    """Seven tabs with the same reply, in its middle."""
    model.script(Text("one two "), WaitFor(gate), Text("three"), *ENDING, when="Hello")
    send(page)
    expect(prose(page)).to_have_text("one two")
    tabs = [page, *(page.context.new_page() for _ in range(TABS - 1))]
    for tab in tabs[1:]:
        tab.goto(page.url)
        expect(prose(tab)).to_have_text("one two")
    return tabs


def test_all_show_the_whole_reply(tabs, gate):
    gate.set()
    for tab in tabs:
        expect_state(tab, "complete")
        assert grew_to(tab, "one two three")


def test_the_last_one_can_still_send_and_stop(tabs):
    stop_button(tabs[-1]).click()
    expect_state(tabs[0], "stopped")
    send(tabs[-1], "Another one")
    expect(prose(tabs[-1])).to_contain_text("You said: Another one.")
    expect(box(tabs[-1])).to_have_value("")


def test_another_page_lists_what_is_being_answered_and_keeps_it_fresh(page, visits, model, gate):
    model.script(Text("one "), WaitFor(gate), *ENDING)
    send(page, "Seen from elsewhere")
    expect(prose(page)).to_have_text("one")
    other = visits.begin()
    other.clock.install()
    other.goto("/chat/")
    item = other.get_by_role("link", name="Seen from elsewhere")
    expect(item).to_contain_text("is being answered")
    expect(item.locator(".answering")).to_be_visible()
    gate.set()
    expect_state(page, "complete")
    other.clock.fast_forward(21_000)
    expect(item.locator(".answering")).to_be_hidden()


@pytest.fixture
def two(page, model):
    """Two tabs with the same conversation."""
    send(page, "Seen by two")
    expect_state(page, "complete")
    other = page.context.new_page()
    other.goto(page.url)
    expect_state(other, "complete")
    return page, other


def choose(page, name):
    page.locator("#conversation-menu > summary").click()
    button(page, name).click()


def test_another_tab_shows_a_new_title_at_once(two):
    page, other = two
    page.locator("#conversation-menu > summary").click()
    page.get_by_label("Title").fill("Another name")
    button(page, "Rename").click()
    expect(other.locator(".bar h1")).to_have_text("Another name")
    expect(other).to_have_title("Another name · Parley")
    expect(other.get_by_role("navigation").get_by_role("link", name="Another name")).to_be_visible()


def test_another_tab_lists_a_new_conversation_at_once(two):
    page, other = two
    page.goto("/chat/")
    send(page, "Begun in the first tab")
    link = other.get_by_role("navigation").get_by_role("link", name="Begun in the first tab")
    expect(link).to_be_visible()


def test_the_list_is_brought_up_to_date_under_ones_hands(two):
    page, other = two
    link = other.locator("#listed a[aria-current]")
    link.focus()
    choose(page, "Pin")
    expect(other.locator("#listed h2").first).to_have_text("Pinned")
    expect(link).to_be_focused()


def test_another_tab_says_that_its_conversation_was_deleted_and_takes_it_back(two, visits):
    visits.expected.append("status of 404")  # a tab may ask for it at that moment
    page, other = two
    box(other).fill("A draft")
    choose(page, "Delete")
    gone = other.locator("#gone-notice")
    expect(gone).to_contain_text("This chat was deleted.")
    expect(box(other)).to_be_hidden()
    gone.get_by_role("button", name="Undo").click()
    expect(gone).to_have_count(0)
    expect(box(other)).to_have_value("A draft")


def test_another_browser_hears_of_it_when_one_looks_at_it(two, visits):
    visits.expected.append("status of 404")
    page, _other = two
    elsewhere = visits.begin()
    elsewhere.goto(page.url)
    choose(page, "Delete")
    expect(page.get_by_text("Deleted “")).to_be_visible()
    elsewhere.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(elsewhere.locator("#gone-notice")).to_be_visible()


def test_the_list_changes_behind_an_open_search(two):
    page, other = two
    search = other.get_by_role("navigation").get_by_role("searchbox")
    search.fill("Seen by two")
    expect(other.locator("#found mark").first).to_be_visible()
    choose(page, "Pin")
    expect(other.locator("#listed h2", has_text="Pinned")).to_be_attached()
    expect(other.locator("#listed")).to_be_hidden()
    expect(search).to_have_value("Seen by two")


def test_the_models_title_shows_soon_after_the_first_reply(page, model, gate, live_site):
    model.script(Text("one "), WaitFor(gate), *ENDING, when="What is this?")
    send(page, "What is this?")
    expect(prose(page)).to_have_text("one")
    page.clock.install()
    gate.set()
    expect_state(page, "complete")
    pk = page.url.split("/")[-2].replace("-", "")
    now = datetime.now(UTC).replace(tzinfo=None)
    named = f"title = 'Named by the model', titled_by = 'model', changed_at = '{now}'"
    live_site.sql(f"UPDATE chat_conversation SET {named} WHERE id = '{pk}'")
    page.clock.fast_forward(7_000)
    expect(page.locator(".bar h1")).to_have_text("Named by the model")
    expect(page.locator("#listed a[aria-current]")).to_contain_text("Named by the model")


def test_another_tab_shows_a_new_message_at_once(two):
    page, other = two
    send(page, "A second one")
    expect_state(page, "complete")
    expect(other.locator("article.from-user")).to_have_count(2)
    expect_state(other, "complete")
    expect(prose(other)).to_have_text(prose(page).inner_text())


# What is done to the open conversation


def menu(page):
    """The open menu of the conversation."""
    if not page.locator("#conversation-menu > menu").is_visible():
        page.locator("#conversation-menu > summary").click()
    return page.locator("#conversation-menu > menu")


def test_another_tab_shows_a_rating_and_its_comment_at_once(two):
    page, other = two
    button(reply(page), "Bad reply").click()
    expect(button(reply(other), "Bad reply")).to_have_attribute("aria-pressed", "true")
    reply(page).locator("textarea").fill("Too short")
    button(reply(page), "Save").click()
    expect(reply(other).locator("textarea")).to_have_value("Too short")
    button(reply(page), "Bad reply").click()
    expect(button(reply(other), "Bad reply")).to_have_attribute("aria-pressed", "false")
    expect(reply(other).locator("textarea")).to_have_count(0)


def test_a_rating_leaves_the_comment_that_another_tab_writes(two):
    page, other = two
    button(reply(other), "Bad reply").click()
    reply(other).locator("textarea").fill("Too")
    button(reply(page), "Good reply").click()
    expect(button(reply(other), "Good reply")).to_have_attribute("aria-pressed", "true")
    expect(reply(other).locator("textarea")).to_have_value("Too")


@pytest.mark.parametrize(("name", "then"), [("Pin", "Unpin"), ("Archive", "Unarchive")])
def test_the_open_menu_of_another_tab_follows(two, name, then):
    page, other = two
    expect(button(menu(other), name)).to_be_visible()
    choose(page, name)
    expect(button(menu(other), then)).to_be_visible()
    expect(button(menu(other), name)).to_have_count(0)
    choose(page, then)
    expect(button(menu(other), name)).to_be_visible()


def test_another_tab_has_the_link_and_the_instruction(two):
    page, other = two
    menu(page).get_by_text("Share", exact=True).click()
    button(page, "Make a link").click()
    link = page.get_by_role("textbox", name="Link").input_value()
    menu(other).get_by_text("Share", exact=True).click()
    expect(other.get_by_role("textbox", name="Link")).to_have_value(link)
    menu(page).locator(".instruction summary").click()
    page.get_by_role("textbox", name="Instructions").fill("Be brief.")
    button(page, "Save").click()
    expect(other.get_by_text("With instructions")).to_be_visible()


def test_what_one_writes_in_an_open_menu_stays(two):
    page, other = two
    menu(other).locator("#title").fill("Half a ti")
    choose(page, "Pin")
    expect(button(menu(other), "Unpin")).to_be_visible()
    expect(other.locator("#title")).to_have_value("Half a ti")


def test_another_tab_follows_a_reply_that_goes_on(page, model, gate):
    model.script(Text("one "), Stall(), times=1)
    send(page)
    expect(prose(page)).to_have_text("one")
    other = page.context.new_page()
    other.goto(page.url)
    stop_button(page).click()
    expect_state(other, "stopped")
    model.script(Text("and two and a few more "), WaitFor(gate), *ENDING)
    button(page, "Continue").click()
    expect(prose(other)).to_have_text("one and two and a few more")
    gate.set()
    expect_state(other, "complete")


def test_another_device_shows_a_rating_when_one_looks_at_it(two, visits):
    page, _other = two
    elsewhere = visits.begin()
    elsewhere.goto(page.url)
    button(reply(page), "Good reply").click()
    expect(page.locator("#status")).to_have_text("Marked as good")
    elsewhere.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(button(reply(elsewhere), "Good reply")).to_have_attribute("aria-pressed", "true")
