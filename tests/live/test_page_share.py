"""What people do with a whole conversation, and what they say of a reply."""

import re

import pytest
from playwright.sync_api import expect

from ..double import answer
from .browser import button, expect_state, reply, send

pytest_plugins = ["tests.live.browser"]
CODE = "print('a line of code that goes on and on, " + "and on " * 40 + "')"


@pytest.fixture(params=[True, False], ids=["script", "no script"])
def talk(page, visits, request):
    """A conversation with one reply, with script or without."""
    send(page)
    expect_state(page, "complete")
    if request.param:
        return page
    bare = visits.begin(java_script_enabled=False)
    bare.goto(page.url)
    return bare


@pytest.fixture
def copied(page):
    """The page of a conversation with one reply, in a browser that lets it copy."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    send(page)
    expect_state(page, "complete")
    return page


def make_link(page):
    """Shares the conversation; the box with the link."""
    if not page.locator("#share").is_visible():
        page.locator("summary[aria-label='More']").click()
        page.get_by_text("Share", exact=True).click()
    button(page, "Make a link").click()
    box = page.get_by_role("textbox", name="Link")
    expect(box).to_be_visible()
    return box


def test_the_link_leads_to_the_copy_until_it_is_taken_back(talk, visits):
    link = make_link(talk).input_value()
    reader = visits.begin()
    reader.goto(link)
    expect(reader.get_by_text("That is all I have to say.")).to_be_visible()
    expect(reader.locator("form, button, nav")).to_have_count(0)
    button(talk, "Stop sharing").click()
    expect(button(talk, "Make a link")).to_be_visible()
    visits.expected.append("status of 404")
    assert reader.goto(link).status == 404


def test_the_link_can_be_updated(talk):
    link = make_link(talk).input_value()
    button(talk, "Update").click()
    expect(talk.get_by_role("textbox", name="Link")).to_have_value(link)


def test_the_link_has_the_focus_and_can_be_copied(copied):
    box = make_link(copied)
    expect(box).to_be_focused()
    expect(copied.locator("#status")).to_have_text("The link is ready.")
    copied.locator("#share").get_by_role("button", name="Copy").click()
    expect(copied.locator("#status")).to_have_text("Copied")
    assert copied.evaluate("navigator.clipboard.readText()") == box.input_value()


def test_code_in_a_copy_can_be_wrapped_and_copied(page, visits, model):
    model.script(*answer(f"```python\n{CODE}\n```"))
    send(page)
    expect_state(page, "complete")
    link = make_link(page).input_value()
    reader = visits.begin()
    reader.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.goto(link)
    code = reader.locator("pre")
    assert code.evaluate("code => code.scrollWidth > code.clientWidth")
    button(reader, "Wrap").click()
    expect(button(reader, "Wrap")).to_have_attribute("aria-pressed", "true")
    assert code.evaluate("code => code.scrollWidth <= code.clientWidth")
    button(reader, "Copy").click()
    expect(reader.locator("#status")).to_have_text("Copied")
    assert reader.evaluate("navigator.clipboard.readText()") == f"{CODE}\n"


def test_the_conversation_can_be_exported(copied):
    copied.locator("summary[aria-label='More']").click()
    with copied.expect_download() as download:
        copied.get_by_text("Export", exact=True).click()
        copied.get_by_role("link", name="Markdown").click()
    assert download.value.suggested_filename == "Hello.md"
    assert "That is all I have to say." in download.value.path().read_text()


def test_a_reply_can_be_rated_and_the_comment_is_kept(talk):
    button(reply(talk), "Bad reply").click()
    comment = reply(talk).locator("textarea")
    expect(comment).to_be_visible()
    comment.fill("Too short")
    button(reply(talk), "Save").click()
    expect(reply(talk).get_by_text("Your comment")).to_be_visible()
    expect(comment).to_be_hidden()
    talk.reload()
    expect(button(reply(talk), "Bad reply")).to_have_attribute("aria-pressed", "true")
    expect(comment).to_have_value("Too short")


def test_a_rating_can_be_taken_back(talk):
    good = button(reply(talk), "Good reply")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "true")
    good.click()
    expect(good).to_have_attribute("aria-pressed", "false")
    expect(reply(talk).locator(".feedback details")).to_have_count(0)


def test_a_rating_keeps_the_focus_and_is_announced(copied):
    good = button(reply(copied), "Good reply")
    good.press("Enter")
    expect(copied.locator("#status")).to_have_text("Marked as good")
    expect(good).to_be_focused()
    expect(good).to_have_attribute("title", re.compile("Good"))
