"""The list of conversations and the menu of the open one."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from ..double import answer
from .browser import box, button, expect_state, send

pytest_plugins = ["tests.live.browser"]
LISTED = 30


@pytest.fixture
def begun(page):
    """A conversation that was answered."""
    send(page, "Tell me of pelicans")
    expect_state(page, "complete")
    return page


@pytest.fixture
def many(live_site, admin):
    """More conversations than are listed at first."""
    for number in range(3 * LISTED):
        pk = uuid4() if live_site.database else uuid4().hex
        live_site.sql(
            "INSERT INTO chat_conversation (id, user_id, title, titled_by, instruction, created_at,"
            f" updated_at, changed_at) SELECT '{pk}', id, 'Old {number}', 'words', '',"
            " '2026-01-01 00:00:00', '2026-01-01 00:00:00', '2026-01-01 00:00:00'"
            " FROM auth_user WHERE username = 'admin'"
        )


def menu(page):
    page.locator("#conversation-menu > summary").click()
    return page.locator("#conversation-menu menu")


def item(page, title):
    return page.get_by_role("navigation").get_by_role("link", name=title)


def groups(page):
    return page.locator("#listed h2")


def search_box(page):
    return page.get_by_role("navigation").get_by_role("searchbox")


def test_a_new_title_shows_everywhere(begun):
    menu(begun).get_by_label("Title").fill("Large birds")
    button(begun, "Rename").click()
    expect(begun.locator(".bar h1")).to_have_text("Large birds")
    expect(item(begun, "Large birds")).to_have_attribute("aria-current", "page")
    expect(begun).to_have_title(re.compile("^Large birds · "))
    expect(begun.locator("#conversation-menu > summary")).to_be_focused()


def test_what_is_pinned_stands_above_the_others(begun):
    menu(begun)
    button(begun, "Pin").click()
    expect(groups(begun).first).to_have_text("Pinned")
    current = begun.locator("#listed section").filter(has=begun.locator("[aria-current]"))
    expect(current.locator("h2")).to_have_text("Pinned")
    menu(begun)
    button(begun, "Unpin").click()
    expect(current.locator("h2")).to_have_text("Today")


def test_what_is_archived_leaves_the_list_and_comes_back(begun):
    send(begun, "Rename me to find me")
    menu(begun).get_by_label("Title").fill("Put away")
    button(begun, "Rename").click()
    expect(item(begun, "Put away")).to_be_visible()
    menu(begun)
    button(begun, "Archive").click()
    expect(item(begun, "Put away")).to_have_count(0)
    begun.get_by_role("link", name="Archived").click()
    button(begun, "Unarchive Put away").click()
    expect(item(begun, "Put away")).to_be_visible()


def test_what_is_deleted_can_be_taken_back(begun, visits):
    visits.expected.append("status of 404")  # its last look at it may come too late
    url = begun.url
    menu(begun)
    button(begun, "Delete").click()
    expect(begun.get_by_role("status").filter(has_text="Deleted “")).to_be_visible()
    expect(begun).not_to_have_url(url)
    button(begun, "Undo").click()
    expect(begun).to_have_url(url)


def test_it_all_works_without_script(begun, visits):
    bare = visits.begin(java_script_enabled=False)
    bare.goto(begun.url)
    begun.close()  # it would ask for what is deleted
    menu(bare).get_by_label("Title").fill("No script")
    button(bare, "Rename").click()
    expect(bare.locator(".bar h1")).to_have_text("No script")
    menu(bare)
    button(bare, "Delete").click()
    button(bare, "Undo").click()
    expect(bare.locator(".bar h1")).to_have_text("No script")
    search_box(bare).fill("no SCRIPT")
    search_box(bare).press("Enter")
    expect(bare.locator("main mark").first).to_have_text("No script")


def test_a_title_that_cannot_be_is_refused_kindly(begun, visits):
    visits.expected.append("status of 400")
    menu(begun).get_by_label("Title").fill("   ")
    button(begun, "Rename").click()
    expect(begun.get_by_role("alert").filter(has_text="Write a title first.")).to_be_visible()


def test_older_ones_come_as_one_scrolls(page, many):
    page.goto("/chat/")
    pinned = page.get_by_role("heading", name="Pinned")
    links = page.locator("#listed section").filter(has_not=pinned).locator("li")
    expect(links).to_have_count(LISTED)
    page.locator("#listed").hover()
    page.locator(".older").scroll_into_view_if_needed()
    expect(links.nth(LISTED + 5)).to_be_attached()
    headings = groups(page).all_text_contents()
    assert len(headings) == len(set(headings))


def test_older_ones_are_a_link_without_script(visits, many):
    bare = visits.begin(java_script_enabled=False)
    bare.goto("/chat/")
    bare.locator("#listed .older").click()
    expect(bare.locator("main .older, main li").first).to_be_visible()


# Search


def test_results_appear_as_one_types(begun):
    search_box(begun).press_sequentially("PELIC")
    found = begun.locator("#found")
    expect(found.locator("a > span").first).to_be_visible()
    expect(found.locator("mark").first).to_have_text("pelic")
    expect(begun.locator("#listed")).to_be_hidden()
    expect(begun.locator("#status")).to_contain_text("found")
    search_box(begun).press("Escape")
    expect(begun.locator("#listed")).to_be_visible()
    expect(search_box(begun)).to_have_value("")


def test_nothing_found_says_what_to_do(begun):
    search_box(begun).fill("qqqqqq")
    expect(begun.locator("#found")).to_contain_text("No chat mentions “qqqqqq”. Try a shorter")


def test_a_hit_leads_to_its_message(page, model):
    for number in range(3):
        model.script(*answer("Long. " * 400 + f"zebra{number}. " + "\n\nLong. " * 400), times=1)
        send(page, f"Question {number}")
        expect_state(page, "complete")
    search_box(page).fill("zebra0")
    page.locator("#found a").first.click()
    expect(page).to_have_url(re.compile(r"\?at="))
    first = page.locator(".from-model").first
    expect(first).to_be_in_viewport()
    expect(page.locator(".from-model").last).not_to_be_in_viewport()
    expect(box(page)).to_be_visible()


def test_days_are_those_of_the_browser(visits, admin, live_site):
    pk = admin.ask("Tell me of the far east")["conversation"]["id"]
    pk = pk if live_site.database else pk.replace("-", "")
    noon = "'2020-05-31 12:00:00'"  # in Greenwich; then it is June on Kiritimati
    times = f"updated_at = {noon}, archived_at = {noon}"
    live_site.sql(f"UPDATE chat_conversation SET {times} WHERE id = '{pk}'")
    page = visits.begin(timezone_id="Pacific/Kiritimati")
    page.goto("/chat/archived/")
    expect(page.get_by_role("heading", name="May 2020")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="June 2020")).to_be_visible()


def test_the_list_comes_anew_once_the_zone_of_the_browser_is_known(visits):
    page = visits.begin(timezone_id="Pacific/Kiritimati")
    page.clock.install()
    page.goto("/chat/")
    with page.expect_response("**/chat/conversations?*") as fresh:
        page.clock.fast_forward(21_000)
    assert "timezone=Pacific/Kiritimati" in fresh.value.request.all_headers()["cookie"]
