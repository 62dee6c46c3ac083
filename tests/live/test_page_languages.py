"""The page in the language of its reader."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor
from .browser import PHONE, button, expect_state, log_in, prose, reply

pytest_plugins = ["tests.live.browser"]
NAMES = "button, summary, label:not(.visually-hidden), .row"
CUT_OFF = """(names) => names.filter(({ clientWidth, scrollWidth }) => scrollWidth > clientWidth)
  .map(({ outerHTML }) => outerHTML)"""
WORDS = {
    "de-DE": {
        "new": "Neuer Chat",
        "message": "Nachricht",
        "send": "Senden",
        "log out": "Abmelden",
        "regenerate": "Neu generieren",
        "finished": "Antwort fertig",
        "offline": "Du bist offline.",
    },
    "fr-FR": {
        "new": "Nouvelle conversation",
        "message": "Message",
        "send": "Envoyer",
        "log out": "Se déconnecter",
        "regenerate": "Régénérer",
        "finished": "Réponse terminée",
        "offline": "Vous êtes hors ligne.",
    },
}


@pytest.fixture(params=WORDS)
def foreign(visits, request):
    """A page in another language, and its words."""
    page = visits.begin(locale=request.param)
    page.goto("/chat/")
    return page, WORDS[request.param]


@pytest.fixture(params=WORDS)
def phone(visits, admin, request):
    """A small page in another language, of a conversation with a link to it."""
    path = admin.ask("Hello")["conversation"]["url"]
    admin.post(f"{path}share")
    page = visits.begin(locale=request.param, viewport=PHONE)
    page.goto(path)
    expect_state(page, "complete")
    return page


@pytest.fixture
def chooses(admin):
    """Whoever is logged in as the admin chooses a language; afterwards there is none chosen."""

    def choose(page, name):
        page.locator(".account summary").click()
        page.locator("#language").select_option(label=name)

    yield choose
    admin.post("/chat/preferences", theme="", language="")


def send_in(page, words):
    box = page.get_by_role("textbox", name=words["message"])
    box.fill("Hallo")
    box.press("Enter")


def language_of(page):
    return page.locator("html").get_attribute("lang")


def test_the_page_is_in_the_language_of_the_browser(foreign):
    page, words = foreign
    expect(page.get_by_role("link", name=words["new"])).to_be_visible()
    expect(page.get_by_role("textbox", name=words["message"])).to_be_focused()
    expect(button(page, words["send"])).to_be_visible()
    page.locator(".account summary").click()
    expect(button(page, words["log out"])).to_be_visible()


def test_what_comes_while_the_page_is_open_is_too(foreign, visits, model, gate):
    model.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    page, words = foreign
    send_in(page, words)
    expect(prose(page)).to_have_text("one")
    gate.set()
    expect_state(page, "complete")
    expect(button(reply(page), words["regenerate"])).to_be_visible()
    expect(page.locator("#status")).to_have_text(words["finished"])


def test_errors_are_too(foreign, visits):
    page, words = foreign
    visits.expected.append("ERR_INTERNET_DISCONNECTED")
    page.context.set_offline(True)
    send_in(page, words)
    expect(page.locator("#message-error")).to_contain_text(words["offline"])


def test_a_person_chooses_another_language_than_the_browsers(visits, chooses):
    page = visits.begin(locale="de-DE")
    page.goto("/chat/")
    chooses(page, "Français")
    expect(page.get_by_role("link", name="Nouvelle conversation")).to_be_visible()
    assert language_of(page) == "fr"
    chooses(page, "Automatique")
    expect(page.get_by_role("link", name="Neuer Chat")).to_be_visible()


def test_their_choice_comes_with_them_to_another_browser(visits, chooses):
    page = visits.begin()
    page.goto("/chat/")
    chooses(page, "Deutsch")
    other = visits.begin(logged_in=False)
    other.goto("/accounts/login/")
    assert language_of(other) == "en"
    log_in(other)
    expect(other.get_by_role("link", name="Neuer Chat")).to_be_visible()


def test_long_words_fit_a_small_page(phone):
    phone.locator("#conversation-menu > summary").click()
    for part in phone.locator("#conversation-menu details > summary").all():
        part.click()
    assert phone.locator("#title").bounding_box()["width"] > 100
    assert phone.locator(NAMES).evaluate_all(CUT_OFF) == []
    phone.reload()
    phone.locator("main [popovertarget=sidebar]").click()
    phone.locator(".account summary").click()
    assert phone.locator(NAMES).evaluate_all(CUT_OFF) == []
    assert phone.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
