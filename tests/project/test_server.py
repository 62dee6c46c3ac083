"""What project/server.py builds on in daphne and Twisted is still there, and streams wait."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from urllib.request import urlopen

import pytest

from ..site import ROOT, free_port

# In a process of its own: importing daphne's server installs a reactor.
REPLACED = """
import inspect, os
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
from project.server import Channel, Factory, Request, Server, install

OWN = {"_cut_off", "_wake", "taken"}
for each in (Channel, Factory, Request, Server):
    above = each.__mro__[1]
    for name, function in vars(each).items():
        if inspect.isfunction(function) and name not in OWN and name != "__init__":
            mine, theirs = inspect.signature(function), inspect.signature(getattr(above, name))
            assert list(mine.parameters) == list(theirs.parameters), (each, name)
install()
"""

SITE = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "project.settings"
import django
django.setup()
from project.guard import Guard
from project.server import install

PART, PARTS, made = b"x" * 16_384, 2_000, 0

async def body():
    global made
    for made in range(1, PARTS + 1):
        yield PART

async def site(scope, receive, send):
    await receive()
    if scope["path"] == "/stream":
        scope["extensions"]["deferred_body"](body())
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(made).encode()})

install()
application = Guard(site, lambda: False)
"""
PART, PARTS = 16_384, 2_000  # bytes, and how many times
AHEAD = 1024 * 1024  # bytes; the kernels on both sides keep most of them
WAIT = 60.0  # seconds


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "flowing.py").write_text(SITE)
    return os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DATA_DIR": str(tmp_path)}


@pytest.fixture
def port(environment, tmp_path):
    port = free_port()
    log = str(tmp_path / "access.log")
    options = ["-v", "0", "-p", str(port), "--access-log", log]
    command = [sys.executable, "-m", "daphne", *options, "flowing:application"]
    server = subprocess.Popen(command, env=environment)
    try:
        _wait_until(lambda: _made(port) == 0)
        yield port
    finally:
        server.kill()
        server.wait()


def test_what_is_replaced_is_there(environment):
    subprocess.run([sys.executable, "-c", REPLACED], env=environment, check=True)


def test_a_stream_waits_for_its_reader(port):
    with closing(socket.socket()) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", port))
        link.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
        counts = [-1, _made(port)]
        while counts[-1] == 0 or counts[-1] != counts[-2]:
            time.sleep(0.2)
            counts.append(_made(port))
        assert counts[-1] * PART < AHEAD
        link.settimeout(WAIT)
        _head, _, body = link.makefile("rb").read().partition(b"\r\n\r\n")
    assert len(body) == PART * PARTS


def test_the_access_log_has_no_secrets(port, tmp_path):
    token = "0b0c7a9e-1c1a-4c39-9d55-1f0f5a6a7b8c"
    for path in ("chat/search?q=private", f"chat/shared/{token}/?before=3"):
        urlopen(f"http://127.0.0.1:{port}/{path}", timeout=WAIT).close()
    log = tmp_path / "access.log"
    _wait_until(lambda: "shared" in log.read_text())
    assert '"GET /chat/search"' in log.read_text() and '"GET /chat/shared/…/"' in log.read_text()
    assert "private" not in log.read_text() and token not in log.read_text()


def _made(port):
    """How many parts of the stream the site has made."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT) as response:
            return int(response.read())
    except OSError:
        return -1


def _wait_until(is_so):
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
