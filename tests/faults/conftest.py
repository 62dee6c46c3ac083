"""Faults against real processes: how often each kind is tried, what is checked after each one."""

import random
import time
from collections import Counter

import pytest
from django.db import connection

from ..double import ENDING, GoOn, ProviderDouble
from ..site import RUNNING, Site
from .bystander import Bystander
from .oracle import Oracle


def words(number):
    """A text that says nothing twice: where a reply goes on, a repetition would be cut."""
    return "".join(f"word-{each} " for each in range(number))


TEXT = words(120)
EVERY = 0.025  # seconds between two words: three seconds for all
LEFT_OVER = 5.0  # seconds


def pytest_generate_tests(metafunc):
    """Each kind of fault is tried `--faults` times, each time with a seed of its own. Those that
    its module has KEPT, because they failed once, are tried every time."""
    if "seed" in metafunc.fixturenames:
        seeds = range(metafunc.config.getoption("--faults"))
        kept = getattr(metafunc.module, "KEPT", ())
        metafunc.parametrize("seed", sorted({*seeds, *kept}))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        report = outcome.get_result()
        if item.function.__doc__:
            line = item.function.__doc__.splitlines()[0].format(**_params(item))
            report.user_properties.append(("fault", line))


def _params(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def pytest_terminal_summary(terminalreporter):
    tried, survived, longest = Counter(), Counter(), Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            properties = dict(report.user_properties)
            kind = properties.get("fault")
            if kind and report.when == "call":
                tried[kind] += 1
                survived[kind] += report.passed
                longest[kind] = max(longest[kind], properties.get("seconds", 0))
    if tried:
        terminalreporter.section("Faults survived")
        for kind, count in tried.items():
            took = f"; on again within {longest[kind]:.1f} s" if longest[kind] else ""
            terminalreporter.write_line(f"{survived[kind]:5} of {count:<5} {kind}{took}")
    for report in terminalreporter.stats.get("passed", []):
        if figure := dict(report.user_properties).get("figure"):
            terminalreporter.write_line(figure)


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

    def make(**options):
        directory = tmp_path_factory.mktemp("site")
        return Site(running_double, directory, postgres=postgres, **options)

    return make


@pytest.fixture(scope="session")
def site(new_site):
    """Two processes on one database, each with a link to it that can fail if that is a server. A
    test that ends a process need not start it again."""
    with new_site(linked=True) as site:
        yield site


@pytest.fixture
def ports(site):
    """Where both processes are; whichever is gone is started first."""
    for link in site.links.values():
        link.heal()
    if site.processes and not _is_tidy(site):
        _tidy(site)
    for port, process in list(site.processes.items()):
        if process.poll() is not None:
            site.processes.pop(port)
    while len(site.processes) < 2:
        site.start()
    yield list(site.processes)
    for link in site.links.values():
        link.heal()


def _is_tidy(site):
    """Whether the test before this one has left nothing running, or not for long."""
    deadline = time.monotonic() + LEFT_OVER
    while site.sql(f"SELECT id FROM chat_message WHERE state IN {RUNNING}"):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _tidy(site):
    """What a test that failed has left must not fail the next one."""
    for port in list(site.processes):
        site.kill(port)
    site.sql("DELETE FROM chat_piece")
    site.sql(
        "UPDATE chat_message SET state = 'failed', error = 'left over', owner_id = NULL"
        f" WHERE state IN {RUNNING}"
    )


@pytest.fixture
def links(site, ports):
    """The links of both processes to the database."""
    return [site.links[port] for port in ports]


@pytest.fixture
def person(site, ports):
    return site.person(ports[0])


@pytest.fixture
def asked(double, person):
    """A reply that takes three seconds, in the first process."""
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    return person.ask("Tell me, marker-of-the-prompt")


@pytest.fixture
def bystander(site, double, ports, asked):
    """Another person, whose reply is written in the first process and read at both."""
    beside = Bystander(site, double, ports)
    yield beside
    beside.end()


@pytest.fixture
def elsewhere(site, double, ports, asked):
    """Another person, who has to do with the second process only."""
    beside = Bystander(site, double, ports[1:], "cleo")
    yield beside
    beside.end()


@pytest.fixture
def dice(seed, request):
    return random.Random(f"{request.node.originalname} {seed}")


@pytest.fixture
def check(site, double):
    return Oracle(site, double)


@pytest.fixture
def seldom(request, seed):
    """Whether this is one of the tenth of the runs that may take long."""
    return seed < request.config.getoption("--faults") // 10 + 1
