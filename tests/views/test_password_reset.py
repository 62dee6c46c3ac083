"""The pages with which people come back who have forgotten their password."""

import re
import socket

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.limits import RESETS, RESETS_FROM
from chat.models import Rate
from project import mail as site_mail
from project.mail import outbox
from project.urls import handler404, reset_urls  # noqa: F401
from project.urls import urlpatterns as site_urls

URL = "/accounts/password_reset/"
PATIENCE = 30.0  # seconds
urlpatterns = [*site_urls, *reset_urls]


@pytest.fixture
def with_mail(settings):
    """The addresses that a site has which can send mail."""
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def ana(transactional_db):
    """Whom the thread that writes letters sees too."""
    return get_user_model().objects.create_user("ana", "ana@example.com", "staple battery")


def test_a_site_without_mail_offers_none(client, db):
    assert b"Forgotten" not in client.get("/accounts/login/").content
    assert client.get(URL).status_code == 404


def test_login_offers_it(client, with_mail, db):
    assert b"Forgotten your password?" in client.get("/accounts/login/").content


def test_the_link_in_the_mail_leads_to_a_new_password(client, with_mail, ana):
    (letter,) = letters_to(client, ana.email)
    assert letter.subject == "A new password for Parley" and "Hello ana," in letter.body
    form = client.get(re.search(r"https?://[^/]+(/\S+)", letter.body)[1], follow=True)
    page = form.redirect_chain[-1][0]
    passwords = {"new_password1": "horse correct", "new_password2": "horse correct"}
    assert b"Your password is changed" in client.post(page, passwords, follow=True).content
    assert client.login(username="ana", password="horse correct")


def letters_to(client, address, **headers):
    client.post(URL, {"email": address}, headers=headers)
    outbox.finish(PATIENCE)
    return mail.outbox


def test_the_link_leads_to_the_site_whatever_the_host(client, with_mail, ana, settings):
    settings.ALLOWED_HOSTS, settings.SITE_URL = ["*"], "https://chat.example.com"
    (letter,) = letters_to(client, ana.email, host="evil.example")
    assert "https://chat.example.com/accounts/reset/" in letter.body
    assert "evil" not in f"{letter.subject} {letter.body}"


def test_the_letter_is_in_the_language_of_the_page(client, with_mail, ana):
    (letter,) = letters_to(client, ana.email, accept_language="de")
    assert "Hallo ana" in letter.body


def test_it_does_not_say_who_has_an_account(client, with_mail, ana):
    """Neither in words nor by its time: the same is done for both."""
    answers, queries = [], []
    for address in (ana.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as asked:
            answers.append(client.post(URL, {"email": address}, follow=True).content)
        queries.append([re.sub("[0-9a-f.e+]{8,}", "…", each["sql"]) for each in asked])
        outbox.finish(PATIENCE)
    assert b"If there is an account" in answers[0] and answers[0] == answers[1]
    assert queries[0] == queries[1] and not [sql for sql in queries[0] if "auth_user" in sql]
    assert len(mail.outbox) == 1


@pytest.fixture
def silent_server(settings):
    """A mail server that takes connections and never says a word."""
    settings.EMAIL_BACKEND = "project.mail.Backend"
    settings.MAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.getsockname()
        yield server


def test_nobody_waits_for_the_mail_server(client, with_mail, ana, silent_server, caplog):
    silent_server.settimeout(PATIENCE)
    assert client.post(URL, {"email": ana.email}).status_code == 302
    silent_server.accept()[0].close()  # the letter is sent only now
    outbox.finish(PATIENCE)
    assert "A letter was not sent: SMTPServerDisconnected" in caplog.text
    assert ana.email not in caplog.text


def test_no_more_letters_wait_than_so_many(monkeypatch, caplog):
    monkeypatch.setattr(site_mail, "MOST", 0)
    outbox.put(lambda: None)
    assert "A letter is lost" in caplog.text


def test_a_link_that_is_too_old_says_so(client, with_mail, db):
    assert b"expired or was already used" in client.get("/accounts/reset/MQ/x-y/").content


@pytest.mark.parametrize("email", ["ana@example.com", "nobody@example.com"])
def test_nobody_is_sent_mail_without_end(client, with_mail, ana, email):
    statuses = [client.post(URL, {"email": email}).status_code for _ in range(RESETS[0])]
    refused = client.post(URL, {"email": email.upper()})
    assert statuses == [302] * RESETS[0] and refused.status_code == 429
    assert b"try again in 60 minutes." in refused.content
    outbox.finish(PATIENCE)
    assert len(mail.outbox) == (RESETS[0] if email == ana.email else 0)


def test_one_place_does_not_ask_for_all(client, with_mail, ana):
    client.post(URL, {"email": "nobody@example.com"})
    Rate.objects.filter(what="reset-from").update(times=RESETS_FROM[0])
    assert client.post(URL, {"email": ana.email}).status_code == 429 and not mail.outbox
    assert client.post(URL, {"email": ana.email}, REMOTE_ADDR="192.0.2.1").status_code == 302
