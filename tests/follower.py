"""A reader of a reply that keeps every frame it got, and when, and from whom."""

import http.client
import json
import threading
import time
from itertools import pairwise
from typing import NamedTuple

from .site import RUNNING

SILENCE = 30.0  # seconds without a sign of life, after which the page gives a stream up
PAUSE = 0.1  # seconds until a reader comes back


class Frame(NamedTuple):
    port: int
    visit: int
    before: str  # the offset from which it goes on
    offset: str  # behind it
    kind: str  # "" for what the reply says, or "reasoning"
    text: str
    at: float  # time.monotonic() in seconds


class Follower(threading.Thread):
    """Reads a reply as the page does.

    One that `reconnects` comes back after every break, at the next of the `ports` in turn. For all
    others a stream that breaks off, is refused or goes silent is a failure, which `wait_end` tells.
    """

    def __init__(self, person, asked, ports=None, *, reconnects=False, frames_a_visit=None):
        super().__init__(daemon=True)
        self.frames, self.signs = [], []  # signs of life: times at which any line came
        self.end, self.visits, self.errors = None, 0, []
        self.opened, self.grown = threading.Event(), threading.Event()  # let in; has some text
        self._person, self._url = person, asked["reply"]["events"]
        self._ports, self._frames_a_visit = ports or [person.port], frames_a_visit
        self._reconnects = reconnects or frames_a_visit is not None
        assert self._reconnects or len(self._ports) == 1, "at which of them?"
        self._offset, self._gone = "", False
        self.start()

    @property
    def arrivals(self):
        """The time of each frame."""
        return [frame.at for frame in self.frames]

    @property
    def text(self):
        return "".join(frame.text for frame in list(self.frames) if not frame.kind)

    @property
    def thoughts(self):
        return "".join(frame.text for frame in list(self.frames) if frame.kind)

    def run(self):
        while self.end is None and not self._gone:
            port = self._ports[self.visits % len(self._ports)]
            self.visits += 1
            try:
                self._visit(port)
            except (OSError, http.client.HTTPException) as error:
                self.errors.append(repr(error))
            if not self._reconnects:
                return
            if self.end is None:
                time.sleep(PAUSE)

    def _visit(self, port):
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=SILENCE)
        resume = {"Last-Event-ID": self._offset} if self._offset else {}
        try:
            self.signs.append(time.monotonic())
            link.request("GET", self._url, headers=self._person.headers() | resume)
            response = link.getresponse()
            if response.status != 200:
                self.errors.append(response.status)
                return
            self.opened.set()
            self._read(response, port)
        finally:
            link.close()

    def _read(self, response, port):
        event, offset, frames = "", "", 0
        while not self._gone and (line := response.readline()):
            self.signs.append(time.monotonic())
            field, _, value = line.decode("ascii").rstrip("\n").partition(":")
            value = value.removeprefix(" ")
            if field == "id":
                offset = value
            elif field == "event":
                event = value
            elif field == "data" and event == "end":
                data = json.loads(value)
                self.end = data if data["state"] not in RUNNING else None
                return
            elif field == "data":
                self._keep(port, offset, event, json.loads(value)[event or "content"])
                frames += 1
                if frames == self._frames_a_visit:
                    return
            elif not line.strip():
                event = ""

    def _keep(self, port, offset, kind, text):
        before, self._offset = self._offset, offset
        now = time.monotonic()
        self.frames.append(Frame(port, self.visits, before, offset, kind, text, now))
        self.grown.set()

    def leave(self):
        self._gone = True

    def wait_end(self, timeout=60):
        """How the reply ended."""
        self.join(timeout)
        assert self.end, (
            f"no end after {timeout} s and {self.visits} visits; {len(self.text)} characters, "
            f"{self.errors[-5:]}"
        )
        return self.end

    def check_frames(self, stored):
        """Each frame joins the one before it, also that of another visit, and what it says is what
        is stored; no visit was silent for long. The length of the log at each offset."""
        length, said, lengths = 0, 0, {"": 0}
        for number, frame in enumerate(self.frames):
            assert lengths[frame.before] == length, f"frame {number} joins another one: {frame}"
            if not frame.kind:
                there = stored[said : said + len(frame.text)]
                assert frame.text == there, f"frame {number} is not what is stored: {frame}"
                said += len(frame.text)
            length += len(frame.text)
            assert frame.text and frame.offset not in lengths, f"frame {number} again: {frame}"
            lengths[frame.offset] = length
        assert self.longest_silence() < SILENCE, f"silent for {self.longest_silence():.0f} s"
        assert not any("Timeout" in str(error) for error in self.errors), self.errors
        return lengths

    def longest_gap(self):
        """Seconds between two frames."""
        return _longest(self.arrivals)

    def longest_silence(self):
        """Seconds without any sign of life."""
        return _longest(self.signs)


def _longest(times):
    return max((b - a for a, b in pairwise(times)), default=0)
