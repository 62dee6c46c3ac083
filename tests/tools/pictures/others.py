"""The screens of what is shared, of errors, of the shortcuts and of the administration."""

import re

from playwright.sync_api import expect

from .world import FOREIGN_HOST


def _share(visit):
    """The path of a conversation that ana shares."""
    world, ana = visit.world, visit.world.person("ana")
    url = world.ask(ana, "Everything that Markdown can do")
    world.ask(ana, "Explain Raft as if I ran a bakery", url)
    ana.post(url + "share")
    return re.search(r"/chat/shared/[0-9a-f-]+/", ana.request("GET", url)[1].decode())[0]


def whole_shared(visit):
    return visit.page("cleo", _share(visit))


def shared(visit):
    return visit.page("cleo", _share(visit))


def shared_gone(visit):
    return visit.page("cleo", "/chat/shared/00000000-0000-0000-0000-000000000000/")


def shortcuts(visit):
    page = visit.page("ana", "/chat/")
    page.locator("main").press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    return page


def error_400(visit):
    return visit.page(None, f"http://{FOREIGN_HOST}:{visit.world.port}/chat/")


def error_403(visit):
    return visit.page("admin", "/admin/chat/conversation/add/")


def error_403_form(visit):
    page = visit.page(None, "/accounts/login/")
    page.locator("[name=csrfmiddlewaretoken]").evaluate("input => input.value = 'no'")
    page.locator("form").evaluate("form => { form.noValidate = true; form.submit(); }")
    expect(page.get_by_role("heading", name="Please send that once more")).to_be_visible()
    return page


def error_404(visit):
    return visit.page("ana", "/nowhere/")


def error_500(visit):
    return visit.page("ana", "/chat/", port=visit.world.broken())


def admin_list(visit):
    return visit.page("admin", "/admin/chat/conversation/")


def whole_admin_transcript(visit):
    world, ana = visit.world, visit.world.person("ana")
    url = world.ask(ana, "Thinking about Raft")
    world.ask(ana, "Refused, for the key is wrong", url)
    world.ask(ana, "Everything that Markdown can do", url)
    return visit.page("admin", f"/admin/chat/conversation/{url.split('/')[2]}/change/")


SCREENS = (
    whole_shared,
    shared,
    shared_gone,
    shortcuts,
    error_400,
    error_403,
    error_403_form,
    error_404,
    error_500,
    admin_list,
    whole_admin_transcript,
)
