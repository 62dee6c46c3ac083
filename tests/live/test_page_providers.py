"""Two providers in the page: the choice of a model, and who wrote a reply."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Cut, GoOn, ProviderDouble, Text, WaitFor
from .browser import expect_state, grew_to, prose, reply, send

pytest_plugins = ["tests.live.browser"]
NORTH, SOUTH = "north/double-1", "south/other-1"
BEGINNING = "First we take the boat to the island. "
TEXT = BEGINNING + "Then we walk up to the old lighthouse."


@pytest.fixture
def south():
    with ProviderDouble(models=["other-1"]) as double:
        yield double


@pytest.fixture
def port(live_site, model, south):
    """A process of the live site with two providers."""
    before = dict(live_site.environment)
    live_site.environment |= {
        "CHAT_PROVIDERS": "north,south",
        "CHAT_PROVIDER_NORTH_URL": model.base_url,
        "CHAT_PROVIDER_SOUTH_URL": south.base_url,
        "CHAT_MODELS": "",
        "CHAT_FALLBACK": SOUTH,
    }
    port = live_site.start()
    live_site.environment.clear()
    live_site.environment.update(before)
    yield port
    live_site.kill(port)


def test_who_finished_a_reply_is_told_below_it(visits, port, model, south, gate):
    model.script(Text(BEGINNING), WaitFor(gate), Cut())
    south.script(GoOn(TEXT), *ENDING)
    page = visits.begin(port=port)
    page.goto("/chat/")
    options = page.get_by_label("Model").locator("option")
    expect(options).to_have_text([NORTH, "north/double-2", SOUTH])
    send(page)
    expect(prose(page)).to_have_text(BEGINNING.strip())
    gate.set()
    expect_state(page, "complete")
    expect(reply(page)).to_contain_text(f"Begun by {NORTH}, finished by {SOUTH}.")
    expect(prose(page)).to_have_text(TEXT)
    assert grew_to(page, TEXT)
    reply(page).get_by_role("button", name="Regenerate").click()
    expect(reply(page).locator("menu button")).to_have_text([NORTH, "north/double-2", SOUTH])
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
