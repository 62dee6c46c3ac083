"""The chat in a site that is not Parley: everything that it does is done there too."""

import http.client
import json
import signal
import threading
from zipfile import ZipFile

import pytest

from ..double import ENDING, GoOn, WaitFor
from ..follower import Follower
from ..site import ROOT
from .conftest import CHAT, HERE

BEGINNING = "".join(f"word-{number} " for number in range(20))
REST = "".join(f"further-{number} " for number in range(20))


@pytest.fixture
def gate(double):
    """What a reply waits for that has said its beginning."""
    gate = threading.Event()
    double.script(GoOn(BEGINNING), WaitFor(gate), GoOn(REST), *ENDING)
    yield gate
    gate.set()


def begun(person, **options):
    """A reply, and a reader who has had all of its beginning."""
    asked = person.ask("Tell me")
    reader = Follower(person, asked, reconnects=True, **options)
    while reader.text != BEGINNING:
        assert reader.grown.wait(20) and reader.is_alive()
    return asked, reader


def page(person, path=CHAT):
    status, body = person.request("GET", path)
    assert status == 200
    return body.decode()


DOCUMENTATION = (ROOT / "docs" / "django.md").read_text()
NEEDED = (
    "templates/chat/base.html",
    "templates/admin/chat/transcript.html",
    "static/chat/js/page.js",
    "locale/de/LC_MESSAGES/django.mo",
    "migrations/0001_initial.py",
)


def test_the_wheel_has_the_app_and_nothing_else(wheel):
    names = ZipFile(wheel).namelist()
    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    assert tops == {"chat", "parley_chat"}
    for kind in (
        "templates/chat/base.html",
        "static/chat/js/page.js",
        "migrations/0001_initial.py",
    ):
        assert f"chat/{kind}" in names
    assert "chat/locale/de/LC_MESSAGES/django.mo" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


@pytest.mark.parametrize("name", ["asgi_with_lifespan.py", "templates/chat/base.html"])
def test_the_site_is_as_documented(name):
    text = (HERE / "elsewhere" / name).read_text()
    assert text.replace("elsewhere", "mysite") in DOCUMENTATION


def test_a_page_stands_in_the_sites_own_frame(person):
    html = page(person)
    assert "<title>New chat | Town hall</title>" in html and 'class="town"' in html
    assert html.count("<html") == 1 and 'data-login-url="/come-in/"' in html
    assert f'action="{CHAT}"' in html and "/chat/stream" not in html


def test_only_what_the_site_has_is_linked(person):
    html = page(person)
    assert 'href="/back-office/"' in html
    assert "Log out" not in html and "Change password" not in html and 'id="theme"' not in html


def test_a_stranger_is_sent_to_the_sites_login(port):
    link = http.client.HTTPConnection("127.0.0.1", port)
    link.request("GET", CHAT)
    assert link.getresponse().headers["Location"] == f"/come-in/?next={CHAT}"
    link.close()


def test_a_reply_comes_piece_by_piece(person, gate):
    """Also for who takes gzip, through the site's middleware for that."""
    asked = person.ask("Tell me")
    link = http.client.HTTPConnection("127.0.0.1", person.port, timeout=30)
    link.request("GET", asked["reply"]["events"], headers=person.headers() | GZIP)
    response = link.getresponse()
    assert response.headers["Content-Encoding"] == "identity"
    got = b""
    while b"word-19" not in got:
        got += response.readline()
    gate.set()
    assert b"further-19" in response.read()
    link.close()
    assert person.wait_settled(asked)["text"] == BEGINNING + REST


GZIP = {"Accept-Encoding": "gzip"}


def test_a_reply_is_stopped(person, gate):
    asked, reader = begun(person)
    person.stop(asked)
    assert reader.wait_end()["state"] == "stopped"
    assert person.reply(asked)["text"] == BEGINNING


def test_kill_9_costs_nothing(site, server, person, gate):
    asked, reader = begun(person)
    site.kill(person.port)
    site.start(server, person.port)
    gate.set()
    assert reader.wait_end()["state"] == "complete"
    assert reader.text == person.reply(asked)["text"] == BEGINNING + REST


def test_the_staff_finds_it_by_its_person(double, person):
    double.script(GoOn("Good day"), *ENDING)
    asked = person.ask("Where is the library?")
    person.wait_settled(asked)
    office = "/back-office/chat/conversation/"
    assert "Where is the library?" in page(person, f"{office}?q=ana@town")
    assert "Good day" in page(person, f"{office}{asked['conversation']['id']}/change/")


def test_the_rest_of_the_site_goes_on(person):
    assert json.loads(page(person, "/api/me")) == {"email": "ana@town.example"}
    assert json.loads(page(person, "/alive")) == {"status": "ok"}


@pytest.mark.parametrize("server", ["uvicorn"], indirect=True)
def test_a_reply_is_handed_over(site, server, port, person, gate):
    """Where the server has a lifespan; it would else wait for the end of the reply."""
    other = site.start(server)
    asked, reader = begun(person, ports=[port, other])
    site.signal(port, signal.SIGTERM)
    site.wait_exit(port)
    gate.set()
    assert reader.wait_end()["state"] == "complete"
    assert reader.text == person.reply(asked, port=other)["text"] == BEGINNING + REST
    site.kill(other)
