"""People who leave, log out or come in numbers, and the setup of the README."""

import re
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest

from ..conftest import skip_unless
from ..double import ENDING, GoOn, Stall, Text, answer
from ..follower import Follower
from ..site import ROOT, Person, free_port
from . import bounds
from .conftest import TEXT, words

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
LOGGED_OUT_WITHIN = 5.0  # seconds
STREAMS = 100
POOL = 9  # connections of a process: the DATABASE_POOL of these sites
CHATS = 100  # for each --faults
RESETS = 60


@pytest.fixture(scope="module")
def thrifty(new_site):
    """A site that stops a reply as soon as its last reader has left."""
    with new_site(CHAT_ABANDON_AFTER="0") as site:
        site.start()
        site.start()
        yield site


def test_a_reply_that_nobody_reads_is_stopped(seed, dice, thrifty, double):
    """CHAT_ABANDON_AFTER=0: the last of the readers leaves, at two processes"""
    ports = list(thrifty.processes)
    person = thrifty.person(ports[0])
    double.script(GoOn(words(480), every=0.05), *ENDING)
    asked = person.ask("Tell me")
    here, there = Follower(person, asked, ports[:1]), Follower(person, asked, ports[1:])
    assert here.grown.wait(120) and there.grown.wait(120)
    here.leave()
    time.sleep(dice.uniform(1.5, 2.5))
    request = double.requests[-1]
    assert not request.finished, "stopped while somebody read at the other process"
    there.leave()
    there.join(30)
    left = time.monotonic()
    assert request.wait_closed().closed_at - left < bounds.ABANDONED
    reply = person.wait_settled(asked)
    assert reply["state"] == "abandoned" and TEXT.startswith(reply["text"][: len(TEXT)])


def test_an_abandoned_reply_can_go_on(seed, thrifty, double):
    """Continue after it was stopped because nobody read it"""
    person = thrifty.person(next(iter(thrifty.processes)))
    double.script(Text("One. "), Stall())
    asked = person.ask("Tell me")
    reader = Follower(person, asked)
    assert reader.grown.wait(120)
    reader.leave()
    assert person.wait_settled(asked)["state"] == "abandoned"
    double.clear()
    double.script(GoOn("One. Two."), *ENDING)
    status, _ = person.post(f"{asked['reply']['url']}continue", accept="application/json")
    assert status == 201
    assert person.wait_settled(asked)["text"] == "One. Two."


def test_who_has_logged_out_reads_no_more(request, site, ports, double, person):
    """Logged out in the middle: the stream ends within 5 s"""
    double.script(GoOn(words(3600), every=0.05), *ENDING)
    asked = person.ask("Tell me")
    other = Person(ports[0])
    reader = Follower(other, asked, [ports[1]], reconnects=True)
    assert reader.grown.wait(120)
    began = time.monotonic()
    assert other.post("/accounts/logout/")[0] == 302
    while 401 not in reader.errors and time.monotonic() - began < LOGGED_OUT_WITHIN:
        time.sleep(0.2)
    assert 401 in reader.errors
    reader.leave()
    person.stop(asked)


def test_many_open_streams_hold_nothing(site, ports, double, person):
    """100 streams at once: connections, and all of them whole"""
    double.script(GoOn(TEXT, every=0.05), *ENDING)
    all_asked = [person.ask(f"Tell me {number}") for number in range(STREAMS)]
    readers = [Follower(person, asked, [ports[0]]) for asked in all_asked]
    for reader in readers:
        assert reader.grown.wait(120)
    if site.database:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert site.sql(query)[0][0] - 1 <= POOL * len(ports)
    for reader in readers:
        assert reader.wait_end()["state"] == "complete"
        assert reader.text == TEXT
        assert not reader.errors


def test_readers_that_never_read_hold_nobody_up(site, ports, double, person, check):
    """Twenty readers with a window of 4 KB that never read"""
    double.script(GoOn(words(2400), every=0.001), *ENDING)
    asked = person.ask("Tell me")
    stalled = [_stall(person, asked, ports[0]) for _ in range(20)]
    reader = Follower(person, asked, [ports[0]])
    check(person, asked, reader, port=ports[0], text=words(2400))
    for link in stalled:
        link.close()


def _stall(person, asked, port):
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(("127.0.0.1", port))
    headers = "".join(f"{name}: {value}\r\n" for name, value in person.headers().items())
    link.sendall(
        f"GET {asked['reply']['events']} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode()
    )
    return link


def test_nothing_is_left_after_many_chats(request, site, ports, double, person):
    """2,000 short chats, a fifth of the readers dropped: threads, files, memory as before"""
    double.script(*answer("A short reply of a few words."))
    port, chats = ports[0], CHATS * request.config.getoption("--faults")
    _chat(person, port, CHATS // 2)
    time.sleep(3)
    before = site.threads(port), site.files(port), site.memory(port)
    _chat(person, port, chats)
    time.sleep(3)
    threads, files, memory = site.threads(port), site.files(port), site.memory(port)
    assert threads <= before[0] + 4 and files <= before[1] + 8
    assert memory - before[2] < 4_000 + chats, f"{memory - before[2]} KB more"
    assert site.sql("SELECT count(*) FROM chat_piece") == [(0,)]


def _chat(person, port, number):
    for count in range(number):
        asked = person.ask("Hello", port=port)
        reader = Follower(person, asked, [port])
        if count % 5:
            assert reader.wait_end()["state"] == "complete"
        else:
            reader.leave()
            person.wait_settled(asked, port=port)


def test_the_setup_of_the_readme_hides_a_kill(seed, dice, site, ports, double, tmp_path, check):
    """The README's nginx in front of two processes, one of them killed"""
    skip_unless(NGINX, "no nginx")
    double.script(GoOn(TEXT, every=0.025), *ENDING)
    front = free_port()
    with Nginx(tmp_path, front, ports):
        person = Person(front)
        asked = person.ask("Tell me")
        readers = [Follower(person, asked, reconnects=True) for _ in range(3)]
        time.sleep(dice.uniform(0.3, 2))
        site.kill(ports[0])
        check(person, asked, *readers, port=front, text=TEXT, takeovers=1)


class Nginx:
    """nginx with the configuration that stands in the README, on plain HTTP and other ports."""

    def __init__(self, directory, port, upstreams):
        readme = (ROOT / "README.md").read_text()
        servers = re.search(r"```nginx\n(.*?)```", readme, re.DOTALL)[1]
        servers = servers.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        servers = servers.replace("/var/log/nginx", str(directory))
        for written, real in zip(("8001", "8002"), upstreams, strict=True):
            assert f"127.0.0.1:{written}" in servers
            servers = servers.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
        self._config = Path(directory) / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {directory}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        self._config.write_text(
            f"daemon off; pid {directory}/pid; error_log {directory}/error.log;\n"
            f"events {{}}\nhttp {{\n{temporary}{servers}}}\n"
        )
        self._port = port

    def __enter__(self):
        command = [NGINX, "-p", str(self._config.parent), "-c", str(self._config)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                Person(self._port)
                return self
            except OSError:
                time.sleep(0.1)
        raise AssertionError("nginx did not start")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()


def test_who_resets_with_the_request_leaves_nothing_behind(seed, dice, site, ports, person, asked):
    """Readers whose connection is reset while their request is read"""
    site.idle_figures(ports[0])
    asks = [f"GET {asked['reply']['events']} HTTP/1.1", f"Host: 127.0.0.1:{ports[0]}"]
    asks += [f"{name}: {value}" for name, value in person.headers().items()]
    for _ in range(RESETS):
        with socket.create_connection(("127.0.0.1", ports[0])) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.sendall("\r\n".join([*asks, "", ""]).encode())
            time.sleep(dice.uniform(0, 0.005))
    person.wait_settled(asked)
    deadline = time.monotonic() + bounds.IDLE * bounds.BUSY
    while site.files(ports[0]) > site.idle_figures(ports[0])[1] + RESETS // 10:
        assert time.monotonic() < deadline, f"{site.files(ports[0])} files are open"
        time.sleep(0.1)
    assert "Traceback" not in site.log()
