"""The admin under the policy of the other pages; a violation is an error of its page."""

import re

import pytest
from playwright.sync_api import expect

pytest_plugins = ["tests.live.browser"]


@pytest.fixture
def page(visits):
    return visits.begin()


@pytest.fixture
def chat(admin):
    return admin.ask("Hello")["conversation"]["id"]


def test_no_page_of_the_admin_is_kept_from_anything(page, visits, chat):
    visits.expected.append("status of 404")
    lists = "auth/user/", "auth/group/", "chat/conversation/"
    forms = [f"chat/conversation/{chat}/{name}/" for name in ("change", "history", "delete")]
    forms += [f"auth/user/1/{name}/" for name in ("change", "history", "delete", "password")]
    others = "", "auth/", "auth/user/add/", "auth/group/add/", "nowhere/"
    searches = "chat/conversation/?q=Hello", "chat/conversation/?replies=good"
    for path in (*lists, *forms, *others, *searches):
        policy = page.goto(f"/admin/{path}").headers["content-security-policy"]
        assert "script-src 'self';" in policy and "unsafe" not in policy


def test_what_script_does_in_the_admin_works(page):
    page.goto("/admin/auth/user/1/change/")
    page.locator("#toggle-nav-sidebar").click()
    page.locator("#id_user_permissions_from option").first.click()
    page.locator("#id_user_permissions_add").click()
    expect(page.locator("#id_user_permissions_to option")).to_have_count(1)
    page.locator("#calendarlink0").click()
    page.locator("#calendarbox0 td a").first.click()
    page.locator("#clocklink0").click()
    page.locator("#clockbox0 a").first.click()
    with page.expect_popup() as opened:
        page.locator("#add_id_groups").click()
    opened.value.locator("#id_name").fill("readers")
    opened.value.locator("[name=_save]").click()
    expect(page.locator("#id_groups_to option")).to_have_text("readers")


def test_deleting_asks_first(page, chat):
    page.goto("/admin/chat/conversation/?q=Hello")
    page.locator(".action-select").first.check()
    page.locator("select[name=action]").select_option("delete_selected")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("button", name="Yes, I’m sure")).to_be_visible()  # noqa: RUF001


def test_what_was_kept_from_a_page_is_logged(page, visits, live_site):
    visits.expected.append("Content Security Policy")
    before = live_site.log_sizes()
    page.goto("/chat/search?q=private")
    with page.expect_response("**/csp-reports") as said:
        page.evaluate("document.body.append(Object.assign(new Image(), {src: 'http://x.test/a'}))")
    assert said.value.status == 204
    line = re.search("WARNING chat.csp.*", live_site.log(since=before))[0]
    assert "img-src kept http://x.test/a from http://127.0.0.1" in line
    assert "/chat/search " in line and "private" not in line
