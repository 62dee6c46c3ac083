"""How often one may try to log in."""

from concurrent.futures import ThreadPoolExecutor
from time import time

import pytest
from django.contrib.auth import get_user_model
from django.db import connections
from django.test import Client

from chat.limits import NAMED, UNNAMED
from chat.models import Rate

URL = "/accounts/login/"
RIGHT, WRONG = "staple battery", "battery staple"
ATTEMPTS = NAMED[0]


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ana(db):
    return get_user_model().objects.create_user("ana", password=RIGHT)


def log_in(password, name="ana", *, address="203.0.113.7", client=None, **headers):
    fields = {"username": name, "password": password}
    return (client or Client()).post(URL, fields, REMOTE_ADDR=address, headers=headers)


def try_out(times, **where):
    return [log_in(WRONG, **where).status_code for _ in range(times)]


def test_who_tries_too_often_has_to_wait(ana):
    assert try_out(ATTEMPTS) == [200] * ATTEMPTS
    response = log_in(RIGHT)
    assert response.status_code == 429 and 800 < int(response["Retry-After"]) <= 900
    page = response.content.decode()
    assert "too many attempts to log in. Try again in 15 minutes." in page
    assert log_in(RIGHT, " ANA ").status_code == 429


def test_programs_get_json(ana):
    try_out(ATTEMPTS)
    response = log_in(RIGHT, accept="application/json")
    assert response.status_code == 429 and "15 minutes" in response.json()["error"]


def test_the_person_is_shut_out_nowhere_else(ana):
    try_out(ATTEMPTS + 1)
    assert log_in(RIGHT, address="198.51.100.1").status_code == 302


def test_others_at_the_same_place_are_not_shut_out(ana):
    try_out(ATTEMPTS + 1, name="ben")
    assert log_in(RIGHT).status_code == 302


def test_many_names_from_one_place_are_too_many(ana):
    try_out(1)
    Rate.objects.filter(what="sign-in-from").update(times=UNNAMED[0])
    assert log_in(RIGHT, "ben").status_code == 429


def test_it_is_over_after_a_while(ana):
    try_out(ATTEMPTS + 1)
    Rate.objects.update(ends_at=time())
    assert log_in(RIGHT).status_code == 302


def test_who_gets_in_has_not_tried(ana):
    statuses = [log_in(RIGHT).status_code for _ in range(ATTEMPTS + 2)]
    assert statuses == [302] * (ATTEMPTS + 2)
    assert set(Rate.objects.values_list("times", flat=True)) == {0}


@pytest.mark.django_db(transaction=True)
def test_many_at_the_same_moment_are_no_more_than_possible(ana):
    def attempt(_):
        try:
            return log_in(WRONG).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as threads:
        statuses = sorted(threads.map(attempt, range(2 * ATTEMPTS)))
    assert statuses == [200] * ATTEMPTS + [429] * ATTEMPTS


def change(client, old, new="another staple"):
    fields = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post("/accounts/password_change/", fields, REMOTE_ADDR="203.0.113.7").status_code


def test_the_old_password_cannot_be_guessed_more_often(client, ana):
    client.force_login(ana, "django.contrib.auth.backends.ModelBackend")
    assert [change(client, WRONG) for _ in range(ATTEMPTS)] == [200] * ATTEMPTS
    assert change(client, RIGHT) == log_in(RIGHT).status_code == 429
    ana.refresh_from_db()
    assert ana.check_password(RIGHT)


def test_a_new_password_that_is_too_short_is_no_guess(client, ana):
    client.force_login(ana, "django.contrib.auth.backends.ModelBackend")
    assert [change(client, RIGHT, "short") for _ in range(ATTEMPTS)] == [200] * ATTEMPTS
    assert change(client, RIGHT) == 302


def test_the_admin_changes_no_password_by_another_way(admin_client):
    response = admin_client.get("/admin/password_change/")
    assert (response.status_code, response["Location"]) == (302, "/accounts/password_change/")


def test_the_admin_has_no_other_way_in(client, db):
    response = client.post("/admin/login/?next=/admin/", {"username": "ana", "password": WRONG})
    assert (response.status_code, response["Location"]) == (302, f"{URL}?next=/admin/")
