"""What one client does to everybody else: real sockets, a real server, and a bystander."""

import json
import re
import socket
import time
from contextlib import closing, suppress
from select import select

import pytest

from ..double import ENDING, GoOn
from ..site import Person
from .bystander import Bystander

DEADLINES = {"HEADERS_TIMEOUT": "1", "BODY_TIMEOUT": "2", "READER_TIMEOUT": "2"}  # seconds
LONGEST = 15.0  # seconds that a case may take on a busy machine
MEMORY = 24 * 1024  # KB more than before at the peak, whatever a client does
MEGABYTE = 1024 * 1024
READERS = 20
TEXT = "".join(f"word-{number} " for number in range(20_000))
POST = "POST /chat/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {}\r\n{}\r\n\r\n"
FORM = "application/x-www-form-urlencoded"
CHUNK = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
CHUNKED = "Transfer-Encoding: chunked"
BODIES = [
    (f"Content-Length: {32 * MEGABYTE}", b"a=b&" * 16_384),
    (f"Content-Length: {1024 * MEGABYTE}", b"a" * 65_536),
    (CHUNKED, CHUNK),
    (CHUNKED, b"1\r\na\r\n" * 10_000),
]
HOST = b"Host: 127.0.0.1\r\n"
HOSTILE = {  # requests, without the empty line at their end
    "root path": b"GET /chat/ HTTP/1.1\r\nDaphne-Root-Path: \xff\r\n" + HOST,
    "WebSocket": b"GET /chat/ HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + HOST,
    "NUL in the path": b"GET /chat/\x00 HTTP/1.1\r\n" + HOST,
    "NUL in the path, quoted": b"GET /static/%00 HTTP/1.1\r\n" + HOST,
    "path not ASCII": b"GET /chat/\xff HTTP/1.1\r\n" + HOST,
    "path not UTF-8": b"GET /chat/%ff%ed%a0%80/ HTTP/1.1\r\n" + HOST,
    "query not ASCII": b"GET /accounts/login/?next=\xff HTTP/1.1\r\n" + HOST,
    "query not UTF-8": b"GET /accounts/login/?next=%ff%00 HTTP/1.1\r\n" + HOST,
    "a path that is none": b"GET * HTTP/1.1\r\n" + HOST,
    "another site's path": b"GET http://evil.example/chat/ HTTP/1.1\r\n" + HOST,
    "a proxy's method": b"CONNECT evil.example:80 HTTP/1.1\r\n" + HOST,
    "method not ASCII": b"G\xcbT / HTTP/1.1\r\n" + HOST,
    "HTTP/2": b"PRI * HTTP/2.0\r\n",
    "version not ASCII": b"GET / HTTP/\xff\r\n" + HOST,
    "no version": b"GET /chat/\r\n",
    "no request": b"\x16\x03\x01\x02\x00\x01\xfc\r\n",
    "no host": b"GET /accounts/login/ HTTP/1.1\r\n",
    "two hosts": b"GET /accounts/login/ HTTP/1.1\r\n" + 2 * HOST,
    "host not ASCII": b"GET /accounts/login/ HTTP/1.1\r\nHost: \xff\r\n",
    "a host that is none": b"GET /accounts/login/ HTTP/1.1\r\nHost: [::\r\n",
    "header name not ASCII": b"GET / HTTP/1.1\r\nX\xff: a\r\n" + HOST,
    "header without a name": b"GET / HTTP/1.1\r\n: a\r\n" + HOST,
    "header without a value": b"GET / HTTP/1.1\r\nX\r\n" + HOST,
    "header with a NUL": b"GET / HTTP/1.1\r\nX: \x00\r\n" + HOST,
    "header in two lines": b"GET / HTTP/1.1\r\nX: a\r\n b\r\n" + HOST,
    "600 headers": b"GET / HTTP/1.1\r\n" + 600 * b"X: a\r\n" + HOST,
    "20 KB of headers": b"GET / HTTP/1.1\r\n" + 2 * (b"X: " + 10_000 * b"a" + b"\r\n") + HOST,
    "a length of 5,000 digits": b"POST / HTTP/1.1\r\nContent-Length: " + 5_000 * b"9" + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 9\r\n" + HOST,
    "length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    "unknown coding": b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n" + HOST,
    "chunks of -1": b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n-1\r\n",
    "cookies not ASCII": b"GET /accounts/login/ HTTP/1.1\r\nCookie: theme=\xff; \xff\r\n" + HOST,
}


@pytest.fixture(scope="module")
def site(new_site):
    with new_site(**DEADLINES) as site:
        site.start(forked=False)  # its memory is measured
        yield site


@pytest.fixture
def port(site):
    return next(iter(site.processes))


@pytest.fixture
def bystander(site, double, port):
    beside = Bystander(site, double, [port])
    site.forget_peak(port)
    before = site.peak(port)
    yield beside
    beside.noticed_nothing()
    more = site.peak(port) - before
    assert more < MEMORY, f"{more} KB more"


def test_bodies_that_are_too_long(bystander, port):
    """Bodies of 5 MB to 1 GB, declared or in chunks, of 64 KB or of a byte"""
    for length, part in BODIES:
        with closing(_connected(port)) as link:
            link.sendall(POST.format(FORM, length).encode())
            while not select([link], [], [], 0)[0]:
                link.sendall(part)
            assert link.recv(MEGABYTE).startswith(b"HTTP/1.1 413 "), length


def test_who_does_not_stop_sending_is_cut_off(bystander, port):
    """A body of 1 GB from one who listens to nobody"""
    with closing(_connected(port)) as link:
        link.sendall(POST.format(FORM, CHUNKED).encode())
        with pytest.raises(ConnectionError):
            for _ in range(1024 * MEGABYTE // len(CHUNK)):
                link.sendall(CHUNK)


def test_a_client_that_stops_sending_hears_why(port):
    with closing(_connected(port)) as link:
        link.sendall(POST.format(FORM, f"Content-Length: {2 * MEGABYTE}").encode())
        link.sendall(b"a" * 2 * MEGABYTE)
        head, _, body = link.recv(MEGABYTE).partition(b"\r\n\r\n")
    assert b"\r\nConnection: close" in head
    assert json.loads(body.split(b"\r\n")[1]) == {"error": "This is too much at once. Send less."}


def test_who_asks_before_sending_too_much_is_not_told_to_go_on(port):
    with closing(_connected(port)) as link:
        length = f"Content-Length: {2 * MEGABYTE}\r\nExpect: 100-continue"
        link.sendall(POST.format(FORM, length).encode())
        assert link.recv(MEGABYTE).startswith(b"HTTP/1.1 413 ")


def test_clients_that_send_a_byte_now_and_then(bystander, port):
    """A byte now and then of the headers, of a body, of a chunked body, of a second request"""
    begun = [
        b"GET / HTTP/1.1\r\nX-Long: ",
        POST.format(FORM, "Content-Length: 100000").encode(),
        POST.format(FORM, CHUNKED).encode() + b"ffff\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET / HTTP/1.1\r\nX-Long: ",
    ]
    links = [_connected(port) for _ in begun]
    for link, head in zip(links, begun, strict=True):
        link.sendall(head)
        link.setblocking(False)
    heard, deadline = [b""] * len(links), time.monotonic() + LONGEST
    while not all(b"HTTP/1.1 408 " in each for each in heard):
        assert time.monotonic() < deadline, heard
        time.sleep(0.1)
        for number, link in enumerate(links):
            with suppress(BlockingIOError, ConnectionError):
                heard[number] += link.recv(MEGABYTE)
                link.send(b"a")
    for link in links:
        link.close()


def test_what_is_no_request_is_refused(site, port):
    before = site.log_sizes()
    answers = {name: _answer(port, request) for name, request in HOSTILE.items()}
    wrong = {name: head for name, head in answers.items() if not re.match(rb"HTTP/1.1 [234]", head)}
    assert set(wrong) <= {"no request", "a length of 5,000 digits"} and not any(wrong.values())
    for _ in range(50):
        wrong_host = b"GET /accounts/login/ HTTP/1.1\r\nHost: evil.example\r\n"
        assert _answer(port, wrong_host).startswith(b"HTTP/1.1 400 ")
    log = site.log(before)
    assert "Traceback" not in log and 1 < log.count("evil.example") < 30, log


def test_readers_that_never_read(bystander, site, double, port):
    """Twenty readers who never read, of the text and of the page's form, beside a reply"""
    double.script(GoOn(TEXT, every=0.0005), *ENDING)
    person = Person(port)
    asked = person.ask("Tell me")
    before = site.files(port)
    url = asked["reply"]["events"]
    stalled = [_reader(person, port, url + form) for form in ("", "?as=html") * (READERS // 2)]
    _wait_until(lambda: site.files(port) >= before + READERS)
    _wait_until(lambda: site.files(port) <= before + 3)
    assert person.reply(asked)["state"] == "streaming"
    person.stop(asked)
    for link in stalled:
        link.close()


def _reader(person, port, url):
    link = _connected(port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in person.headers().items())
    link.sendall(f"GET {url} HTTP/1.0\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())
    return link


def _answer(port, request):
    """Its head; nothing where the connection was closed at once."""
    with closing(_connected(port)) as link:
        link.sendall(request + b"Connection: close\r\n\r\n")
        with suppress(ConnectionError):
            return link.recv(MEGABYTE)
    return b""


def _connected(port):
    link = socket.socket()
    link.settimeout(LONGEST)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(("127.0.0.1", port))
    return link


def _wait_until(is_so):
    deadline = time.monotonic() + LONGEST
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
