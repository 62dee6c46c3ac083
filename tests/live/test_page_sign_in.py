"""Accounts by sign-up and by other hosts: a real site that has them on, and real hosts."""

import re
import time
from html import unescape
from urllib.parse import urljoin

import pytest
import requests
from playwright.sync_api import expect

from ..authenticator import code
from ..identity import CLIENT_ID, CLIENT_SECRET, KEY, OpenIdProvider, SamlProvider, new_key
from ..letters import PATIENCE
from ..site import PASSWORD, free_port
from .browser import PHONE, button

pytest_plugins = ["tests.live.browser"]
CREDENTIALS = {"username": "admin", "password": PASSWORD}
HOSTS = ("oidc", "saml/sso")


@pytest.fixture(scope="module")
def hosts():
    with OpenIdProvider() as oidc, SamlProvider() as saml:
        yield {"oidc": oidc, "saml/sso": saml}


@pytest.fixture(scope="module")
def letters(tmp_path_factory):
    return tmp_path_factory.mktemp("letters")


@pytest.fixture(scope="module")
def address(hosts, letters, new_live_site):
    """Of a site that has everything on."""
    port = free_port()
    oidc, saml = hosts.values()
    everything = {
        "SITE_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": f"filemail:///{letters}",
        "SIGN_UP": "on",
        "SSO_SIGN_UP": "on",
        "OIDC_ISSUER": oidc.url,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Example",
        "SAML_METADATA_URL": f"{saml.url}/metadata",
        "SAML_ENTITY_ID": saml.url,
        "DJANGO_SUPERUSER_EMAIL": "admin@example.com",
    }
    with new_live_site(**everything) as site:
        site.start(port)
        yield everything["SITE_URL"]
        assert "Traceback" not in site.log(), site.log()


@pytest.fixture(params=HOSTS)
def host(hosts, request):
    """One of the hosts, and its place in the site's addresses."""
    return hosts[request.param], request.param


GO_ON = re.compile(r'<a href="([^"]+)">Go on')
ANSWER = re.compile(r'action="([^"]+)">\s+<input type="hidden" name="SAMLResponse" value="([^"]+)')


class Browser(requests.Session):
    """A person's, at the site; submits forms with their token."""

    def __init__(self, address):
        super().__init__()
        self.trust_env, self.address = False, address
        self.get("/accounts/login/")

    def request(self, method, url, *arguments, **options):
        return super().request(method, urljoin(self.address, url), *arguments, **options)

    def submit(self, path, **fields):
        return self.post(path, data=fields | {"csrfmiddlewaretoken": self.cookies["csrftoken"]})

    def ask(self, place, person, process="login"):
        """To the host, which will say that it is that person; its page, or the site's instead."""
        host, path = place
        host.person = person
        return self.submit(f"/accounts/{path}/login/?process={process}").text

    def go_on(self, page):
        """What the site says to the host's answer."""
        if link := GO_ON.search(page):
            return self.get(unescape(link[1]))
        acs, answer = ANSWER.search(page).groups()
        return self.post(acs, data={"SAMLResponse": answer})

    def come_by(self, *arguments, **options):
        return self.go_on(self.ask(*arguments, **options))

    def name(self):
        found = re.search("You are logged in as “(.+?)”", self.get("/accounts/").text)
        return found and found[1]


@pytest.fixture
def browser(address):
    with Browser(address) as browser:
        yield browser


def of(place, name):
    """Somebody whom the host knows."""
    name += place[1][:4]
    return {"sub": f"id-of-{name}", "email": f"{name}@example.com", "preferred_username": name}


# Through other hosts


def test_who_comes_first_gets_an_account_and_comes_back_to_it(browser, address, host):
    person = of(host, "cleo")
    browser.come_by(host, person)
    name = browser.name()
    assert name.startswith("cleo")
    with Browser(address) as another_day:
        page = another_day.come_by(host, person | {"email": "new@example.com"})
        assert (page.status_code, another_day.name()) == (200, name)


def test_an_address_of_somebody_here_gives_no_access_to_their_account(browser, host):
    page = browser.come_by(host, of(host, "dora") | {"email": "ADMIN@example.com"})
    assert "You have no account here yet" in page.text and not browser.name()


def test_an_account_can_be_connected_and_disconnected(browser, address, host):
    person = of(host, "admin")
    browser.submit("/accounts/login/", **CREDENTIALS)
    browser.submit("/accounts/confirm_password/", password=PASSWORD)
    page = browser.come_by(host, person, process="connect")
    assert "The account is connected." in page.text
    with Browser(address) as elsewhere:
        elsewhere.come_by(host, person)
        assert elsewhere.name() == "admin"
    account = re.search(r'name="account" value="(\d+)"', page.text)[1]
    page = browser.submit("/accounts/connections/", account=account)
    assert "The account is disconnected." in page.text


def test_the_answer_of_a_host_is_for_the_browser_that_asked(browser, address, host):
    page = browser.ask(host, of(host, "eve"))
    with Browser(address) as victim:
        assert victim.go_on(page).status_code == 401 and not victim.name()


def test_without_a_password_the_last_one_stays(browser, host):
    browser.come_by(host, of(host, "ivy"))
    page = browser.get("/accounts/connections/")
    account = re.search(r'name="account" value="(\d+)"', page.text)[1]
    page = browser.submit("/accounts/connections/", account=account)
    assert "Your account has no password set up." in page.text


def test_a_host_that_is_gone_is_said(browser, hosts):
    hosts["oidc"].is_gone = True
    assert "Logging in did not work" in browser.ask((hosts["oidc"], "oidc"), {})
    hosts["oidc"].is_gone = False


def test_a_wrong_signature_is_refused(browser, hosts):
    saml = hosts["saml/sso"]
    place, saml.key = (saml, "saml/sso"), new_key()
    page = browser.come_by(place, of(place, "mallory"))
    assert page.status_code == 401 and "Logging in did not work" in page.text
    saml.key = KEY


# Sign-up


FORM = {"password1": PASSWORD, "password2": PASSWORD}


def letter_to(letters, email):
    """Sent a moment after it was asked for."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for file in letters.iterdir():
            if f"To: {email}" in (text := file.read_text()):
                return text
        time.sleep(0.05)
    raise AssertionError(f"no letter to {email}")


def test_who_signs_up_confirms_the_address_first(browser, letters, address):
    finn = {"username": "finn", "email": "finn@example.com"}
    assert "Check your email" in browser.submit("/accounts/signup/", **FORM, **finn).text
    page = browser.submit("/accounts/login/", username="finn", password=PASSWORD)
    assert "Check your email" in page.text and not browser.name()
    letter = letter_to(letters, "finn@example.com")
    link = re.search(rf"{address}/accounts/confirm/\S+", letter)[0]
    assert "“finn”" in browser.get(link).text
    assert "Your email address is confirmed" in browser.submit(link).text
    browser.submit("/accounts/login/", username="finn", password=PASSWORD)
    assert browser.name() == "finn"


def test_it_does_not_say_whose_address_is_known(browser, letters):
    page = browser.submit("/accounts/signup/", **FORM, username="gina", email="admin@example.com")
    assert "Check your email" in page.text
    letter = letter_to(letters, "admin@example.com")
    assert "/accounts/password_reset/" in letter and "confirm" not in letter


# In Chromium, with the site's Content-Security-Policy


def test_chromium_lets_people_through_to_each_host(visits, address, hosts):
    for path, name in zip(HOSTS, ("Example", "SAML"), strict=True):
        host = hosts[path]
        host.person = of((host, path), "hana")
        page = visits.begin(logged_in=False)
        page.goto(f"{address}/accounts/login/?next=/accounts/")
        button(page, f"Log in with {name}").click()
        page.get_by_text("Go on").click()
        expect(page).to_have_url(f"{address}/accounts/")
        expect(page.get_by_text("You are logged in as “hana")).to_be_visible()


def test_chromium_shows_and_asks_for_a_second_factor(visits, address, hosts):
    hosts["oidc"].person = of((hosts["oidc"], "oidc"), "jo")
    page = visits.begin(logged_in=False, viewport=PHONE, color_scheme="dark")
    log_in_with_example(page, address)
    page.get_by_role("link", name="Turn on a second factor").click()
    assert page.locator(".qr").evaluate("image => image.decode().then(() => image.naturalWidth)")
    secret = page.locator("main code").inner_text()
    page.get_by_label("code").fill(code(secret))
    button(page, "Turn on").click()
    expect(page.get_by_text("The second factor is on.")).to_be_visible()
    page.context.clear_cookies()
    log_in_with_example(page, address)
    page.get_by_label("Code").fill(code(secret))
    button(page, "Log in").click()
    expect(page).to_have_url(f"{address}/accounts/")
    button(page, "Log out everywhere else").click()
    expect(page.get_by_text("You are logged out everywhere else.")).to_be_visible()


def log_in_with_example(page, address):
    page.goto(f"{address}/accounts/login/?next=/accounts/")
    button(page, "Log in with Example").click()
    page.get_by_text("Go on").click()
