"""Faults against real processes: how often each kind is tried, what is checked after each one."""

import random
import re
import time
from collections import Counter

import pytest
from django.db import connection

from ..double import ProviderDouble, answer
from ..site import RUNNING, Follower, Person, Site

NOISE = re.compile("Traceback|sk-the-sites-secret|marker-of-the-prompt")


def pytest_generate_tests(metafunc):
    """Each kind of fault is tried `--faults` times, each time with a seed of its own."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--faults")))


def pytest_collection_modifyitems(items):
    """SQLite is no server: what only a server can suffer is no test there."""
    if connection.vendor == "sqlite":
        items[:] = [item for item in items if not item.get_closest_marker("needs_server")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        report = outcome.get_result()
        report.user_properties.append(("fault", item.function.__doc__.splitlines()[0]))


def pytest_terminal_summary(terminalreporter):
    tried, survived = Counter(), Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            kind = dict(report.user_properties).get("fault")
            if kind and report.when == "call":
                tried[kind] += 1
                survived[kind] += report.passed
    if tried:
        terminalreporter.section("Faults survived")
        for kind, count in tried.items():
            terminalreporter.write_line(f"{survived[kind]:5} of {count:<5} {kind}")


@pytest.fixture(scope="session")
def running_double():
    with ProviderDouble() as double:
        yield double


@pytest.fixture
def double(running_double):
    yield running_double
    running_double.clear()


@pytest.fixture(scope="session")
def new_site(running_double, tmp_path_factory):
    """Makes a site on the database that the tests run on, SQLite or PostgreSQL."""
    postgres = connection.vendor == "postgresql"

    def make(**environment):
        directory = tmp_path_factory.mktemp("site")
        return Site(running_double, directory, postgres=postgres, **environment)

    return make


@pytest.fixture(scope="session")
def site(new_site):
    """Two processes on one database; a test that ends one has to start it again."""
    with new_site() as site:
        site.start()
        site.start()
        yield site


@pytest.fixture
def ports(site):
    """Where both processes are; whichever is gone is started first."""
    for port, process in list(site.processes.items()):
        if process.poll() is not None:
            site.processes.pop(port)
    while len(site.processes) < 2:
        site.start()
    return list(site.processes)


@pytest.fixture
def person(ports):
    return Person(ports[0])


@pytest.fixture
def dice(seed, request):
    return random.Random(f"{request.node.originalname} {seed}")


@pytest.fixture
def check(site, double):
    """The oracle: what has to hold after every case."""

    def holds(person, asked, *followers, port, text, complete=True):
        reply = person.wait_settled(asked, port=port)
        assert text.startswith(reply["text"]), "stored what the provider did not send"
        assert (reply["state"] == "complete") == complete, reply
        if complete:
            assert reply["text"] == text and reply["finish_reason"]
        for follower in followers:
            assert follower.wait_end()["state"] == reply["state"]
            assert follower.text == reply["text"], "a reader has another text"
        _nothing_runs(site)
        Follower(person, person.ask("And now?", port=port), [port]).wait_end(5)
        noise = re.findall(
            r"Traceback|sk-the-sites-secret|marker-of-the-prompt", site.log()[before:]
        )
        assert not noise, f"{noise[0]} in the log"
        return reply

    before = len(site.log())
    double.script(*answer("Here I am."), when="And now?")
    return holds


def _nothing_runs(site):
    """No running reply, and no piece of one, shortly after all have settled."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        running = site.sql(f"SELECT count(*) FROM chat_message WHERE state IN {RUNNING}")
        pieces = site.sql("SELECT count(*) FROM chat_piece")
        if (running, pieces) == ([(0,)], [(0,)]):
            return
        time.sleep(0.1)
    raise AssertionError(f"left running: {running}, pieces left: {pieces}")
