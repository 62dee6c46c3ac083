"""What the site's own hooks say, in the page."""

import pytest
from playwright.sync_api import expect

from ..hooks.site_hooks import ENOUGH
from .browser import box, log_in, reply, send, trouble

pytest_plugins = ["tests.live.browser"]


@pytest.fixture(scope="module")
def hooked_port(new_live_site):
    models = "double-1,double-2,double-3"
    with new_live_site(CHAT_HOOKS="tests.hooks.site_hooks.Plain", CHAT_MODELS=models) as site:
        yield site.start()


@pytest.fixture
def hooked(visits, hooked_port):
    page = visits.begin(port=hooked_port, logged_in=False)
    page.goto("/chat/")
    log_in(page)
    return page


def test_a_message_that_is_not_accepted_stays_in_the_box(hooked, visits):
    visits.expected.append("403")
    send(hooked, "refuse me")
    expect(trouble(hooked)).to_have_text(ENOUGH)
    expect(box(hooked)).to_have_value("refuse me")
    expect(hooked.locator("article")).to_have_count(0)


def test_only_the_persons_models_can_be_chosen(hooked):
    assert "double-3" in hooked.content() and "double-1" not in hooked.content()
    send(hooked, "Hello")
    expect(reply(hooked)).to_have_attribute("data-state", "complete")
    assert "double-1" not in hooked.content()
