"""The page of one's own account: a second factor, and logging out everywhere else."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.test import Client

from chat.models import Preferences

from ..authenticator import code

pytestmark = pytest.mark.django_db
PASSWORD = "staple battery"
LOGIN = {"username": "ana", "password": PASSWORD}
LOGIN_URL, URL = "/accounts/login/", "/accounts/"
FACTOR = "/accounts/second_factor/"


@pytest.fixture
def ana(user):
    cache.clear()
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return user


@pytest.fixture
def browser(ana):
    """Ana's, who has logged in."""
    client = Client()
    client.post(LOGIN_URL, LOGIN)
    assert is_logged_in(client)
    return client


@pytest.fixture
def secret(browser):
    """Of the app on Ana's phone, after she has turned the second factor on."""
    browser.post("/accounts/confirm_password/", {"password": PASSWORD})
    secret = re.search(r"<code>(\w+)</code>", browser.get(f"{FACTOR}on/").content.decode())[1]
    page = browser.post(f"{FACTOR}on/", {"code": code(secret)}, follow=True)
    assert b"Each works once." in page.content  # the recovery codes
    cache.clear()  # so that the same code may be used once more
    return secret


def is_logged_in(client):
    return client.get(URL).status_code == 200


# Logging in


def test_it_needs_login(client):
    assert client.get(URL)["Location"] == f"{LOGIN_URL}?next={URL}"


def test_a_right_password_leads_on(client, ana):
    response = client.post(f"{LOGIN_URL}?next=/chat/presets/", LOGIN)
    assert response["Location"] == "/chat/presets/" and is_logged_in(client)


@pytest.mark.parametrize("next", ["https://example.com/", "//example.com", "javascript:alert(1)"])
def test_it_leads_to_no_other_site(client, ana, next):
    assert client.post(LOGIN_URL, LOGIN | {"next": next})["Location"] == "/chat/"


def test_who_logs_in_as_somebody_else_is_that_one(browser, other_user):
    other_user.set_password(PASSWORD)
    other_user.save()
    browser.post(LOGIN_URL, LOGIN | {"username": "ben"})
    assert "“ben”" in browser.get(URL).content.decode()


def test_who_was_deactivated_does_not_come_in(client, ana):
    ana.is_active = False
    ana.save()
    client.post(LOGIN_URL, LOGIN)
    assert not is_logged_in(client)


def test_who_has_not_confirmed_an_address_waits(client, ana):
    """Also when the site sends no mail any more."""
    EmailAddress.objects.create(user=ana, email="ana@example.com", primary=True)
    assert b"Check your email" in client.post(LOGIN_URL, LOGIN, follow=True).content
    assert not is_logged_in(client) and not mail.outbox


@pytest.mark.parametrize("path", ["signup/", "oidc/login/", "saml/sso/login/", "connections/"])
def test_what_is_not_configured_is_not_there(client, path):
    assert client.get(URL + path).status_code == 404


# The second factor


def test_the_password_alone_does_not_do(client, secret):
    response = client.post(LOGIN_URL, LOGIN)
    assert response["Location"] == FACTOR and not is_logged_in(client)


def test_a_code_of_the_app_does(client, ana, secret):
    Preferences.objects.create(user=ana, theme="dark")
    client.post(f"{LOGIN_URL}?next=/chat/presets/", LOGIN)
    response = client.post(FACTOR, {"code": code(secret)})
    assert response["Location"] == "/chat/presets/" and is_logged_in(client)
    assert response.cookies["theme"].value == "dark"


def test_a_code_works_once(client, secret):
    used = {"code": code(secret)}
    for number, browser in enumerate([client, Client()]):
        browser.post(LOGIN_URL, LOGIN)
        browser.post(FACTOR, used)
        assert is_logged_in(browser) == (number == 0)


def test_a_recovery_code_works_once(client, browser, secret):
    page = browser.get(f"{FACTOR}codes/").content.decode()
    recovery = re.search(r"<pre>(\d+)", page)[1]
    for number, client in enumerate([Client(), Client()]):
        client.post(LOGIN_URL, LOGIN)
        client.post(FACTOR, {"code": recovery})
        assert is_logged_in(client) == (number == 0)


def test_codes_cannot_be_tried_out(client, secret):
    client.post(LOGIN_URL, LOGIN)
    for _ in range(5):
        assert b"Incorrect code" in client.post(FACTOR, {"code": "000000"}).content
    client.post(FACTOR, {"code": code(secret)})
    assert not is_logged_in(client)


def test_without_a_password_there_is_no_second_step(client, ana):
    assert client.get(FACTOR)["Location"] == LOGIN_URL
    assert client.post(FACTOR, {"code": "123456"})["Location"] == LOGIN_URL


@pytest.mark.parametrize("path", ["on/", "off/", "codes/new/"])
def test_whoever_finds_an_open_browser_cannot_change_it(browser, ana, path):
    Authenticator.objects.create(user=ana, type="totp", data={"secret": "A" * 32})
    if path == "on/":
        Authenticator.objects.all().delete()
    response = browser.post(FACTOR + path)
    assert response.status_code == 302 and "/confirm" in response["Location"]


def test_passwords_cannot_be_tried_out_there(browser):
    wrong = {"password": "wrong"}
    found = [browser.post("/accounts/confirm_password/", wrong).status_code for _ in range(12)]
    assert found[0] == 200 and found[-1] == 429


def test_it_can_be_turned_off(client, browser, secret):
    browser.post(f"{FACTOR}confirm/", {"code": code(secret)})
    assert b"The second factor is off." in browser.post(f"{FACTOR}off/", follow=True).content
    client.post(LOGIN_URL, LOGIN)
    assert is_logged_in(client)


def test_new_codes_replace_the_earlier_ones(browser, secret):
    before = browser.get(f"{FACTOR}codes/").content
    after = browser.post(f"{FACTOR}codes/new/", follow=True).content
    assert re.findall(rb"^\d{8}$", after, re.M) != re.findall(rb"^\d{8}$", before, re.M) != []


def test_staff_may_need_one(client, staff, settings):
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200
    settings.STAFF_SECOND_FACTOR = True
    page = client.get("/admin/", follow=True)
    assert page.redirect_chain[1] == (f"{FACTOR}on/", 302)
    assert b"Staff need a second factor here." in page.content
    Authenticator.objects.create(user=staff, type="totp", data={"secret": "A" * 32})
    assert client.get("/admin/").status_code == 200


def test_who_is_no_staff_is_led_to_log_in(browser):
    page = browser.get("/admin/", follow=True)
    assert page.redirect_chain[-1][0] == f"{LOGIN_URL}?next=%2Fadmin%2F"


# Logging out everywhere else


def test_all_other_sessions_of_the_person_end(browser, client, ana, other_user):
    elsewhere = [Client() for _ in range(3)]
    for each in elsewhere:
        each.force_login(ana)
    client.force_login(other_user)
    page = browser.post("/accounts/log_out_elsewhere/", follow=True)
    assert b"You are logged out everywhere else." in page.content
    assert not any(map(is_logged_in, elsewhere)) and is_logged_in(client)


@pytest.mark.parametrize(("verb", "status"), [("get", 405), ("post", 302)])
def test_it_is_a_form_for_who_is_logged_in(client, verb, status):
    assert getattr(client, verb)("/accounts/log_out_elsewhere/").status_code == status
