"""The screens of the list of conversations, of search, archive and presets."""

from playwright.sync_api import expect

from ...live.browser import button
from . import texts


def _listed(visit, name="ana", path="/chat/", **options):
    """A page with the list in sight."""
    page = visit.page(name, path, **options)
    if visit.is_narrow():
        page.locator("main .for-drawer[popovertarget=sidebar]").click()
    return page


def list_long(visit):
    return _listed(visit)


def list_german(visit):
    return _listed(visit, locale="de-DE")


def list_empty(visit):
    return _listed(visit, "cleo")


def list_found(visit):
    page = _listed(visit)
    page.locator(".sidebar [type=search]").fill("bakery")
    expect(page.locator("#found")).to_contain_text("Raft")
    return page


def list_found_none(visit):
    page = _listed(visit)
    page.locator(".sidebar [type=search]").fill("zebra crossing")
    expect(page.locator("#found")).to_contain_text("Nothing")
    return page


def list_tabbed(visit):
    page = _listed(visit)
    page.locator(".conversations a").nth(2).focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    return page


def account_menu(visit):
    page = _listed(visit, "admin")
    page.locator(".account summary").click()
    return page


def account_menu_german(visit):
    page = _listed(visit, locale="de-DE")
    page.locator(".account summary").click()
    return page


def account_menu_without_script(visit):
    page = _listed(visit, java_script_enabled=False)
    page.locator(".account summary").click()
    return page


def search(visit):
    return visit.page("ana", "/chat/search")


def search_found(visit):
    return visit.page("ana", "/chat/search?q=bakery")


def search_found_none(visit):
    return visit.page("ana", "/chat/search?q=zebra")


def archived(visit):
    return visit.page("ben", "/chat/archived/")


def archived_empty(visit):
    return visit.page("cleo", "/chat/archived/")


def conversations(visit):
    return visit.page("ana", "/chat/conversations")


def presets(visit):
    return visit.page("ana", "/chat/presets/")


def presets_empty(visit):
    return visit.page("cleo", "/chat/presets/")


def presets_wrong(visit):
    page = presets(visit)
    page.get_by_label("Name").fill(texts.PRESETS[0][0])
    page.get_by_label("Instructions").fill("Another one of the same name")
    button(page, "Add").click()
    expect(page.locator(".errorlist").first).to_be_visible()
    return page


def preset(visit):
    page = presets(visit)
    page.get_by_role("link", name=texts.PRESETS[0][0]).click()
    expect(button(page, "Save")).to_be_visible()
    return page


SCREENS = (
    list_long,
    list_german,
    list_empty,
    list_found,
    list_found_none,
    list_tabbed,
    account_menu,
    account_menu_german,
    account_menu_without_script,
    search,
    search_found,
    search_found_none,
    archived,
    archived_empty,
    conversations,
    presets,
    presets_empty,
    presets_wrong,
    preset,
)
