"""Chromium on a real site: pages for the tests, and what went wrong in them.

A test module takes part with `pytest_plugins = ["tests.live.browser"]`. By then it has imported
this one, therefore: PYTEST_DONT_REWRITE
"""

import asyncio
import re
import shutil
import threading
from contextlib import contextmanager
from uuid import UUID

import pytest
from django.db import connection
from playwright.sync_api import expect, sync_playwright

from ..double import ProviderDouble
from ..site import PASSWORD, RUNNING, Person, Site

# Without a window's own parts where it can be had: at two thirds of the cost, pages are the same.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
# What Chromium would make for each new window, at more cost than the page of a test has.
SPARED = ["WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "SpareRendererForSitePerProcess"]
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(SPARED)}",
]
PATIENCE = 60_000  # milliseconds, on a busy machine
DESKTOP = {"width": 1200, "height": 800}
PHONE = {"width": 360, "height": 740}

# Keeps each state that the last reply was in, for `grew_to`.
WATCH = """
new MutationObserver(() => {
  const reply = [...document.querySelectorAll("chat-reply")].at(-1);
  if (reply) (window.states ??= []).push(reply.textContent);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""

expect.set_options(timeout=PATIENCE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    visits = getattr(item, "funcargs", {}).get("visits")
    if visits and report.failed and call.when == "call":
        report.sections.append(("Screenshots", str(visits.keep_screenshots())))
    return report


@pytest.fixture(scope="session")
def running_chromium():
    """The browser of all tests, and the loop in which Playwright talks to it."""
    from ..conftest import skip_unless

    skip_unless(CHROMIUM, "there is no Chromium here")
    with sync_playwright() as playwright:
        loop = asyncio.get_running_loop()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@pytest.fixture
def chromium(running_chromium):
    with in_use(running_chromium) as browser:
        yield browser


@contextmanager
def in_use(running_chromium):
    """Playwright leaves its loop running in this thread, where it would be in the way of
    asynchronous tests: it is the running one only while a test has the browser."""
    browser, loop = running_chromium
    asyncio._set_running_loop(loop)
    try:
        yield browser
    finally:
        asyncio._set_running_loop(None)


@pytest.fixture(scope="session")
def running_model():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def model(running_model):
    """The provider of the live site: a double."""
    yield running_model
    running_model.clear()


@pytest.fixture(scope="session")
def new_live_site(running_model, tmp_path_factory):
    """Makes a site on the database that the tests run on, SQLite or PostgreSQL."""
    postgres = connection.vendor == "postgresql"

    def make(**environment):
        directory = tmp_path_factory.mktemp("site")
        return Site(running_model, directory, postgres=postgres, **environment)

    return make


@pytest.fixture(scope="session")
def live_site(new_live_site):
    """The one site of all tests in Chromium, with one process."""
    with new_live_site() as site:
        site.start()
        yield site


@pytest.fixture(scope="session")
def live_port(live_site):
    return next(iter(live_site.processes))


@pytest.fixture(scope="session")
def admin(live_port):
    """The person who is logged in where a test does not log in itself."""
    return Person(live_port)


@pytest.fixture
def gate():
    """Holds a script of the double until the test sets it."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def visits(chromium, live_site, live_port, admin, model, gate, tmp_path):
    """The gate opens when all pages are closed: none sends what waits in it into the next test."""
    visits = Visits(chromium, live_port, admin.cookies, tmp_path / "screenshots")
    yield visits
    try:
        visits.end()
    finally:
        _stop_replies(live_site, admin)


def _stop_replies(site, person):
    """So that none of them asks the double again in the next test."""
    for (pk,) in site.sql(f"SELECT id FROM chat_message WHERE state IN {RUNNING}"):
        person.post(f"/chat/replies/{UUID(str(pk))}/stop", accept="application/json")


@pytest.fixture
def page(visits):
    """A page of somebody who is logged in, at a new conversation."""
    page = visits.begin()
    page.goto("/chat/")
    return page


class Visits:
    """Browsers of one test, each with its own cookies. No page may have an error that is not
    in `expected`, patterns of what the console says."""

    def __init__(self, chromium, port, cookies, folder):
        self.chromium, self.port, self.cookies, self.folder = chromium, port, cookies, folder
        self.contexts, self.complaints, self.expected = [], [], []

    def begin(self, *, port=None, logged_in=True, **options):
        """A page in a new browser."""
        address = f"http://127.0.0.1:{port or self.port}"
        context = self.chromium.new_context(**{"base_url": address, "viewport": DESKTOP} | options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.add_init_script(WATCH)
        if logged_in:
            names = ("sessionid", "csrftoken")
            jar = [{"name": n, "value": self.cookies[n], "url": address} for n in names]
            context.add_cookies(jar)
        return context.new_page()

    def end(self):
        unexpected = self.unexpected()
        folder = self.keep_screenshots() if unexpected else None
        for context in self.contexts:
            context.close()
        assert not unexpected, f"{unexpected}; screenshots are in {folder}"

    def unexpected(self):
        known = re.compile("|".join(self.expected) or r"\Z.")
        return [each for each in self.complaints if not known.search(each)]

    def keep_screenshots(self):
        """The folder with a picture of every page."""
        pages = [page for context in self.contexts for page in context.pages]
        for number, page in enumerate(pages, 1):
            page.screenshot(path=self.folder / f"page-{number}.png")
        return self.folder

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")


def log_in(page, name="admin", password=PASSWORD):
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():  # until the page that follows has its scripts
        page.get_by_role("button", name="Log in").click()


def box(page):
    return page.get_by_role("textbox", name="Message")


def send(page, text="Hello"):
    box(page).fill(text)
    box(page).press("Enter")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def stop_button(page):
    return button(page, "Stop the reply")


def reply(page):
    """The last reply: its article."""
    return page.locator("article.from-model").last


def prose(page):
    """The text of the last reply."""
    return reply(page).locator("chat-reply")


def expect_state(page, state):
    expect(reply(page)).to_have_attribute("data-state", state)


def trouble(page):
    """What the composer says of a message that was not sent."""
    return page.locator("#message-error")


def grew_to(page, text):
    """Whether the last reply has only ever grown, up to `text`: no gap, no character twice."""
    states = page.evaluate("states")
    ends = [text.startswith(state) for state in states]
    assert all(ends), f"shown in between: {states[ends.index(False)]!r}"
    assert [*map(len, states)] == sorted(map(len, states)), "text was taken back"
    return states[-1] == text
