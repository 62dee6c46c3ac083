"""The page through bad networks: a server that goes and comes back, proxies that cut or hold."""

import socket
import socketserver
import threading
import time
from contextlib import suppress

import pytest
from playwright.sync_api import expect

from chat.sse import ALIVE

from ..double import ENDING, GoOn, Text, WaitFor, answer
from ..site import Person
from .browser import expect_state, grew_to, prose, reply, send

pytest_plugins = ["tests.live.browser"]
LOST = "Connection lost. Reconnecting…"
EVENT_ENDS = b"\n\n\r\n"  # and the chunk that it was sent in
AT_ONCE = 7_000  # milliseconds; the next attempt of its own would come after 7,500 to 15,000
TEXT = "one two three four"
NETWORK = [
    "status of 502",
    "ERR_(CONNECTION_|INCOMPLETE_|EMPTY_|NETWORK_|INTERNET_)",
    "EventSource's response has",
]


class Proxy(socketserver.ThreadingTCPServer):
    """Stands between browser and site. One request a connection.

    Requests with `where` in their path are answered with `status`; event streams are held back
    until they end if `holds` is set; `stall` has open ones say no more, as a firewall does that has
    forgotten a connection. All is sent on in blocks of `size` bytes.
    """

    daemon_threads = allow_reuse_address = True
    block_on_close = False

    def __init__(self, site_port):
        super().__init__(("127.0.0.1", 0), _Passage)
        self.site_port, self.port = site_port, self.server_address[1]
        self.status, self.where, self.holds, self.size = None, "/", False, 65_536
        self.seen, self._links, self._stalled = [], set(), set()
        self.streams = []  # of events, to the browser
        threading.Thread(target=self.serve_forever, args=[0.05], daemon=True).start()

    def handle_error(self, request, client_address):
        """One of both sides has gone, as is the way of networks."""

    def register(self, link):
        self._links.add(link)

    def cut(self):
        """Ends all that is open."""
        while self._links:
            with suppress(OSError):
                self._links.pop().shutdown(socket.SHUT_RDWR)

    def stall(self):
        """What is open stays open, and nothing more comes through."""
        self._stalled |= self._links

    def lets_through(self, link):
        return link not in self._stalled

    def say(self, data):
        """To all event streams, as a chunk of their bodies."""
        for stream in self.streams:
            with suppress(OSError):
                stream.write(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self):
        self.shutdown()
        self.cut()
        self.server_close()


class _Passage(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        request = self._request()
        path = request.split(b" ", 2)[1].decode()
        if self.server.status and self.server.where in path:
            self.server.seen.append(path)
            self._answer(self.server.status)
        else:
            self._pass_on(request, path)

    def _answer(self, status):
        head = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode())

    def _pass_on(self, request, path):
        with socket.create_connection(("127.0.0.1", self.server.site_port)) as site:
            self.server.register(site)
            self.server.seen.append(path)  # now that it can be cut
            site.sendall(request)
            is_stream = "/events" in path
            pieces = self._pieces(site)
            if is_stream and self.server.holds:
                pieces = [b"".join(pieces)]
            self._send_on(pieces, is_stream)

    def _pieces(self, site):
        for piece in iter(lambda: site.recv(65_536), b""):
            if self.server.lets_through(site):
                yield piece

    def _request(self):
        lines = list(iter(self.rfile.readline, b"\r\n"))
        sizes = [
            line.split(b":")[1] for line in lines if line.lower().startswith(b"content-length")
        ]
        body = self.rfile.read(int(sizes[0])) if sizes else b""
        kept = [line for line in lines if not line.lower().startswith(b"connection:")]
        return b"".join(kept) + b"Connection: close\r\n\r\n" + body

    def _send_on(self, pieces, is_stream):
        sent = b""
        for piece in pieces:
            for start in range(0, len(piece), self.server.size):
                self.wfile.write(piece[start : start + self.server.size])
            sent += piece
            if is_stream and sent.endswith(EVENT_ENDS) and self.wfile not in self.server.streams:
                self.server.streams.append(self.wfile)  # between two chunks of its body


@pytest.fixture
def proxy(live_port):
    proxy = Proxy(live_port)
    yield proxy
    proxy.close()


@pytest.fixture
def begun(visits, proxy, model, gate):
    """A reply behind the proxy, that waits in its middle."""
    model.script(Text("one two "), WaitFor(gate), Text("three four"), *ENDING)
    visits.expected += NETWORK
    page = visits.begin(port=proxy.port)
    page.goto("/chat/")
    send(page)
    expect(prose(page)).to_have_text("one two")
    _until(page, lambda: _attempts(proxy))  # the text may have come with the page itself
    return page


def test_a_cut_is_mended_without_gap_or_doubled_text(begun, proxy, gate):
    for _ in range(3):
        seen = len(proxy.seen)
        proxy.cut()
        _until(begun, lambda seen=seen: any("/events" in each for each in proxy.seen[seen:]))
    gate.set()
    expect_state(begun, "complete")
    assert grew_to(begun, TEXT)


@pytest.mark.parametrize("status", [502, 204])
def test_it_says_that_it_reconnects_and_does(begun, proxy, gate, status):
    proxy.status, proxy.where = status, "/chat/replies/"
    proxy.cut()
    expect(reply(begun).get_by_text(LOST)).to_be_visible()
    expect(begun.get_by_role("status").filter(has_text=LOST)).to_have_count(1)
    gate.set()
    proxy.status = None
    expect_state(begun, "complete")
    expect(reply(begun).get_by_text(LOST)).to_have_count(0)
    assert grew_to(begun, TEXT)


def test_it_waits_longer_after_each_attempt(begun, proxy):
    begun.clock.install()
    proxy.status, proxy.where = 502, "/chat/replies/"
    proxy.cut()
    attempts = []
    for wait in (500, 1_000, 2_000, 4_000):
        attempts.append(_attempts(proxy))
        begun.clock.fast_forward(wait // 2 - 1)
        begun.clock.fast_forward(wait // 2 + 1)
        _until(begun, lambda: _attempts(proxy) > attempts[-1])
    assert attempts == sorted(set(attempts))


def _attempts(proxy):
    return len([path for path in proxy.seen if "/events" in path])


@pytest.mark.parametrize("signal", ["online", "visibilitychange", "pageshow"])
def test_it_reconnects_at_once_when_the_device_wakes(begun, proxy, gate, signal):
    """After so many failures that the next attempt would be long in coming."""
    begun.clock.install()
    proxy.status, proxy.where = 502, "/chat/replies/"
    proxy.cut()
    expect(reply(begun).get_by_text(LOST)).to_be_visible()
    _fail_often(begun, proxy)
    proxy.status = None
    gate.set()
    target = "document" if signal == "visibilitychange" else "window"
    kind = "PageTransitionEvent" if signal == "pageshow" else "Event"
    begun.evaluate(f"{target}.dispatchEvent(new {kind}('{signal}', {{ persisted: true }}))")
    expect(reply(begun)).to_have_attribute("data-state", "complete", timeout=AT_ONCE)
    assert grew_to(begun, TEXT)


@pytest.mark.parametrize("signal", ["time", "visibilitychange"])
def test_it_reconnects_when_it_has_heard_nothing_for_too_long(begun, proxy, gate, signal):
    begun.clock.install()
    proxy.stall()
    attempts = _attempts(proxy)
    if signal == "time":
        begun.clock.run_for(29_000)
        assert _attempts(proxy) == attempts
        begun.clock.run_for(6_000)
    else:
        begun.clock.set_system_time(time.time() + 3_600)  # a device that slept: no timer ran
        begun.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    _until(begun, lambda: _attempts(proxy) == attempts + 1)
    gate.set()
    expect_state(begun, "complete")
    assert grew_to(begun, TEXT)


def test_it_stays_where_it_hears_signs_of_life(begun, proxy, gate):
    _until(begun, lambda: proxy.streams)
    heard, attempts = [], _attempts(proxy)
    browser = begun.context.new_cdp_session(begun)
    browser.on("Network.eventSourceMessageReceived", lambda event: heard.append(event["eventName"]))
    browser.send("Network.enable")
    begun.clock.install()
    for _ in range(3):
        begun.clock.run_for(25_000)  # milliseconds; its clock goes on meanwhile
        before = heard.count("alive")  # text may come too, and the site's own signs
        proxy.say(ALIVE)
        _until(begun, lambda before=before: heard.count("alive") > before)
    begun.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    gate.set()
    expect_state(begun, "complete")
    assert _attempts(proxy) == attempts


def _forward(page):
    page.clock.fast_forward(1_100)  # milliseconds
    return True


def _fail_often(page, proxy):
    for wait in (500, 1_000, 2_000, 4_000, 8_000):
        before = _attempts(proxy)
        page.clock.fast_forward(wait)
        _until(page, lambda before=before: _attempts(proxy) > before)


def test_a_proxy_that_holds_events_back_makes_it_poll(visits, proxy, model, gate):
    visits.expected += ["Parley: a proxy holds the event stream back", *NETWORK]
    model.script(Text("one two "), WaitFor(gate), Text("three four"), *ENDING)
    proxy.holds = True
    page = visits.begin(port=proxy.port)
    page.clock.install()
    page.goto("/chat/")
    send(page)
    expect(page.locator("chat-reply")).to_be_attached()
    _until(page, lambda: _forward(page) and "proxy_buffering off" in "".join(visits.complaints))
    expect(prose(page)).to_have_text("one two")
    gate.set()
    page.clock.fast_forward(1_500)
    expect_state(page, "complete")
    assert grew_to(page, TEXT)


def test_a_model_that_is_slow_to_begin_does_not_make_it_poll(visits, proxy, model, gate):
    model.script(WaitFor(gate), Text(TEXT), *ENDING)
    page = visits.begin(port=proxy.port)
    page.clock.install()
    page.goto("/chat/")
    send(page)
    expect(page.get_by_text("Waiting for the model…")).to_be_visible()
    page.clock.fast_forward(6_000)
    _until(page, lambda: any(path.endswith("/") and "replies" in path for path in proxy.seen))
    gate.set()
    expect_state(page, "complete")
    assert _attempts(proxy) == 1


@pytest.mark.parametrize("size", [1, 7, 64])
def test_events_may_be_split_anywhere(visits, proxy, model, size):
    text = "Straße 👩‍👩‍👧 und\r\nzwei 🇪🇺 Zeilen\r\n\r\n- שלום\r\n- é\r\n"
    model.script(*answer(text, pieces=list(text)))
    proxy.size = size
    page = visits.begin(port=proxy.port)
    page.goto("/chat/")
    send(page)
    expect_state(page, "complete")
    expect(prose(page).locator("p")).to_have_text("Straße 👩‍👩‍👧 und\nzwei 🇪🇺 Zeilen")
    expect(prose(page).locator("li")).to_have_text(["שלום", "é"])


def test_who_was_logged_out_meanwhile_is_told(begun, visits, proxy):
    visits.expected.append("status of 401")
    begun.context.clear_cookies(name="sessionid")
    proxy.cut()
    alert = reply(begun).get_by_role("alert")
    expect(alert).to_contain_text("You have been logged out.")
    expect(alert.get_by_role("link", name="Log in again")).to_be_visible()
    expect(prose(begun)).to_have_text("one two")


def test_a_server_that_is_killed_and_restarted_goes_on_in_the_open_page(
    new_live_site, visits, model, gate
):
    visits.expected += NETWORK
    model.script(GoOn(TEXT), *ENDING)
    model.script(Text("one two "), WaitFor(gate), *ENDING, times=1)
    with new_live_site() as site:
        port = site.start()
        visits.cookies = Person(port).cookies
        page = visits.begin(port=port)
        page.goto("/chat/")
        send(page)
        expect(prose(page)).to_have_text("one two")
        site.kill(port)
        expect(reply(page).get_by_text(LOST)).to_be_visible()
        site.start(port)
        expect_state(page, "complete")
        assert grew_to(page, TEXT)


def _until(page, condition):
    """Lets the page go on until something has happened outside of it."""
    for _ in range(500):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("it never happened")
