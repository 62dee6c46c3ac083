"""The pages with which people come back who have forgotten their password."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth import urls as auth_urls
from django.core import mail
from django.urls import include, path

from project.urls import handler404  # noqa: F401
from project.urls import urlpatterns as site_urls

URL = "/accounts/password_reset/"
urlpatterns = [*site_urls, path("accounts/", include(auth_urls))]


@pytest.fixture
def with_mail(settings):
    """The addresses that a site has which can send mail."""
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def ana(db):
    return get_user_model().objects.create_user("ana", "ana@example.com", "staple battery")


def test_a_site_without_mail_offers_none(client, db):
    assert b"Forgotten" not in client.get("/accounts/login/").content
    assert client.get(URL).status_code == 404


def test_login_offers_it(client, with_mail, db):
    assert b"Forgotten your password?" in client.get("/accounts/login/").content


def test_the_link_in_the_mail_leads_to_a_new_password(client, with_mail, ana):
    client.post(URL, {"email": ana.email})
    (letter,) = mail.outbox
    assert letter.subject == "A new password for Parley" and "Hello ana," in letter.body
    form = client.get(re.search(r"https?://[^/]+(/\S+)", letter.body)[1], follow=True)
    page = form.redirect_chain[-1][0]
    passwords = {"new_password1": "horse correct", "new_password2": "horse correct"}
    assert b"Your password is changed" in client.post(page, passwords, follow=True).content
    assert client.login(username="ana", password="horse correct")


def test_it_does_not_say_who_has_an_account(client, with_mail, db):
    response = client.post(URL, {"email": "nobody@example.com"}, follow=True)
    assert b"If there is an account" in response.content and not mail.outbox


def test_a_link_that_is_too_old_says_so(client, with_mail, db):
    assert b"used or too old" in client.get("/accounts/reset/MQ/x-y/").content
