"""How passwords are kept."""

import threading

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password

from project.passwords import TURNS, Argon2


def test_a_password_is_kept_as_argon2_by_the_measure_of_owasp():
    assert make_password("battery").startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_password_kept_otherwise_is_renewed_by_the_next_login(client, db):
    user = get_user_model().objects.create_user("ana")
    user.password = make_password("staple battery", hasher="pbkdf2_sha256")
    user.save(update_fields=["password"])
    client.post("/accounts/login/", {"username": "ana", "password": "staple battery"})
    user.refresh_from_db()
    assert user.password.startswith("argon2$") and user.check_password("staple battery")


def test_a_kept_password_is_as_it_should_be():
    assert not Argon2().must_update(make_password("battery"))


def test_logins_wait_for_their_turn():
    """As many hashes are computed at a time as there are processors."""
    kept, turns = make_password("battery"), 0
    while TURNS.acquire(blocking=False):
        turns += 1
    done = threading.Event()
    login = threading.Thread(target=lambda: check_password("battery", kept) and done.set())
    login.start()
    assert not done.wait(0.2)
    for _ in range(turns):
        TURNS.release()
    login.join()
    assert done.is_set()
