"""Many tabs of one browser, which gives a site six connections on HTTP/1.1."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor
from .browser import box, expect_state, grew_to, prose, send, stop_button

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
