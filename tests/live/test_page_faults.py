"""Nothing in the page fails unheard: what a person wanted says so, the rest comes later."""

import re

import pytest
from playwright.sync_api import expect

from .browser import button, expect_state, reply, send

pytest_plugins = ["tests.live.browser"]
UNREACHED = "The server could not be reached."


@pytest.fixture
def talk(page, visits):
    """A conversation with one reply; what is not loaded is no surprise."""
    visits.expected += ["ERR_FAILED"]
    send(page)
    expect_state(page, "complete")
    page.reload()
    return page


def lose(page, name):
    """The network does not bring this part of the script."""
    page.route(re.compile(rf"/js/{name}\.\w+\.js"), lambda route: route.abort())


@pytest.mark.parametrize(
    "fault",
    ["setTimeout(() => { throw new Error('Oh') })", "Promise.reject(new Error('Oh')) && 0"],
)
def test_a_test_hears_of_every_fault(page, visits, fault):
    with page.context.expect_event("weberror"):
        page.evaluate(fault)
    assert visits.unexpected()
    visits.expected.append("Oh")


def test_what_another_tab_did_comes_later_if_it_cannot_come_now(talk):
    other = talk.context.new_page()
    other.goto(talk.url)
    other.route(re.compile(r"/chat/[0-9a-f-]{36}/\?as=html"), lambda route: route.abort())
    with other.expect_event("requestfailed"):
        send(talk, "More")
    expect_state(talk, "complete")
    expect(other.locator("article.from-user")).to_have_count(1)
    other.unroute_all()
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other.locator("article.from-user")).to_have_count(2)
    expect_state(other, "complete")


@pytest.mark.parametrize(
    ("part", "name"), [("code", "Copy"), ("models", "Regenerate"), ("parts", "Good reply")]
)
def test_a_button_whose_script_does_not_come_says_so(talk, part, name):
    lose(talk, part)
    button(reply(talk), name).click()
    expect(reply(talk).get_by_role("alert")).to_contain_text(UNREACHED)


def test_a_menu_whose_script_does_not_come_says_so(talk):
    lose(talk, "keeping")
    talk.locator("#conversation-menu > summary").click()
    button(talk, "Pin").click()
    alert = talk.locator("#conversation-menu").get_by_role("alert")
    expect(alert.filter(has_text=UNREACHED)).to_be_visible()


def test_an_edit_whose_script_does_not_come_says_so_and_can_be_tried_again(talk):
    lose(talk, "versions")
    link = talk.get_by_role("link", name="Edit")
    link.click()
    message = talk.locator("article.from-user")
    expect(message.get_by_role("alert")).to_contain_text(UNREACHED)
    talk.unroute_all()
    link.click()
    expect(talk.locator(".editing")).to_be_visible()
