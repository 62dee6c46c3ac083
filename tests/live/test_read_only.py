"""What people are told while PostgreSQL takes no writes, as behind a failover, and when it does."""

import json
import time

import pytest

from ..double import answer
from ..site import Person, Site

pytestmark = pytest.mark.needs_server
FAILOVER = (
    "ALTER DATABASE {name} SET default_transaction_read_only = {state}",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
)


@pytest.fixture(scope="module")
def site(live_double, tmp_path_factory):
    live_double.script(*answer("Hi."))
    with Site(live_double, tmp_path_factory.mktemp("site"), postgres=True) as site:
        site.start()
        yield site


@pytest.fixture(scope="module")
def ana(site):
    return Person(next(iter(site.processes)))


@pytest.fixture(scope="module")
def asked(ana):
    asked = ana.ask("Hello")
    ana.wait_settled(asked)
    return asked


@pytest.fixture
def demoted(site, asked):
    """New connections can only read, and there are no old ones."""
    for order in FAILOVER:
        site.sql(order.format(name=site.database, state="on"), database="postgres")
    yield
    _promote(site)


def _promote(site):
    """As a new primary behind the same address: old connections still lead to the old one."""
    order = FAILOVER[0].format(name=site.database, state="off")
    site.sql(order, database="postgres")


PATHS = {
    "{reply}retry": {},
    "{reply}feedback": {"rating": "1"},
    "{chat}rename": {"title": "Greetings"},
    "{chat}instruction": {"instruction": "Be brief."},
    "{chat}pin": {},
    "{chat}delete": {},
    "{chat}share": {},
    "/chat/preferences": {"theme": "dark"},
    "/chat/presets/": {"name": "Pirate", "instruction": "Arr."},
}


@pytest.mark.parametrize("path", PATHS)
def test_an_action_is_refused_in_words(demoted, site, ana, asked, path):
    url = path.format(reply=asked["reply"]["url"], chat=asked["conversation"]["url"])
    status, body = ana.post(url, accept="application/json", **PATHS[path])
    assert (status, json.loads(body)["error"]) == (
        503,
        "The database does not answer. Try again in a moment.",
    )
    assert "Traceback" not in site.log()


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"client_id": "7bd8a7a5-4b2c-4d0e-9c3a-0f4d7d4ab001"}, "it will not be sent twice."),
        ({}, "Look at your chats before you send it again."),
    ],
    ids=["with a client id", "without"],
)
def test_of_a_message_nobody_says_what_is_not_known(demoted, ana, fields, advice):
    status, body = ana.post("/chat/", accept="application/json", message="And?", **fields)
    error = json.loads(body)["error"]
    assert status == 503 and "it is not certain that your message was sent" in error
    assert error.endswith(advice)


def test_all_goes_on_with_the_new_primary(demoted, site, ana, asked):
    rename = asked["conversation"]["url"] + "rename"
    assert ana.post(rename, title="Greetings")[0] == 503
    _promote(site)
    _until(lambda: ana.post(rename, title="Greetings")[0] == 303, within=2)
    assert "Traceback" not in site.log()


def _until(condition, within):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.1)
