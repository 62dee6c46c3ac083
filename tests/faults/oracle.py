"""What has to hold after every case: nothing lost, doubled or shown too early, nobody left over."""

import re
import time

from ..double import answer
from ..double.request import WISH_TO_GO_ON
from ..follower import Follower
from ..site import RUNNING
from . import bounds

NOISE = re.compile("Traceback|sk-the-sites-secret|marker-of-the-prompt")
SHORT = "And now?"  # begins what is said to see whether a process works


class Oracle:
    """Called after a case, it fails the test if anything is not as promised; the reply's JSON.

    `text` is what the provider had to say, `complete` whether it said all of it (None: perhaps).
    At most `takeovers` leases may have run out, and at most `handovers` processes may have left,
    each with one more request at the provider; so may `fallbacks` providers have failed, of the
    `doubles` that there are.
    """

    def __init__(self, site, *doubles):
        self.site, self.doubles = site, doubles
        self._logged = site.log_sizes()
        self._asked = 0

    def __call__(self, person, asked, *followers, port, **expected):
        reply = self.reply(person, asked, *followers, port=port, **expected)
        self.the_site_is_well(person)
        return reply

    def reply(
        self,
        person,
        asked,
        *followers,
        port,
        text,
        complete=True,
        takeovers=0,
        handovers=0,
        fallbacks=0,
    ):
        """All that is about one reply, which may still have to end."""
        reply = person.wait_settled(asked, port=port)
        self._is_honest(reply, text, complete)
        self._was_read_whole(reply, person, asked, followers)
        self._cost_no_more(asked, takeovers, handovers, fallbacks)
        return reply

    def the_site_is_well(self, person):
        """All that is about the processes, when no reply runs any more."""
        self.nothing_runs()
        for port in self.site.processes:
            self.a_new_chat_works(person, port)
        self.all_is_idle()
        self.the_log_is_quiet()

    def _is_honest(self, reply, text, complete):
        assert text.startswith(reply["text"]), _difference(reply["text"], text)
        is_complete = reply["state"] == "complete"
        assert complete in (is_complete, None), reply
        if is_complete:
            assert reply["text"] == text and reply["finish_reason"]

    def _was_read_whole(self, reply, person, asked, followers):
        """By those who were there, and by who comes now to any process."""
        late = [Follower(person, asked, [port], reconnects=True) for port in self.site.processes]
        lengths, thoughts = {}, set()
        for follower in [*followers, *late]:
            assert follower.wait_end()["state"] == reply["state"]
            for offset, length in follower.check_frames(reply["text"]).items():
                assert lengths.setdefault(offset, length) == length, "an offset of two places"
            assert follower.text == reply["text"], "a reader has another text"
            thoughts.add(follower.thoughts)
        assert len(thoughts) == 1, f"readers have other thoughts: {thoughts}"

    def _cost_no_more(self, asked, takeovers, handovers, fallbacks):
        log = self.site.log(self._logged)
        taken = log.count(f"Reply {asked['reply']['id']} is continued here")
        assert taken <= takeovers + handovers, f"taken {taken} times"
        requests = [each for double in self.doubles for each in requests_for(double, asked)]
        assert len(requests) <= 1 + taken + fallbacks, f"taken {taken} times, but {requests}"

    def nothing_runs(self):
        """No running reply, and no piece of one, shortly after all have settled."""

        def left():
            running = self.site.sql(f"SELECT id FROM chat_message WHERE state IN {RUNNING}")
            return running + self.site.sql("SELECT DISTINCT reply_id FROM chat_piece")

        _within(bounds.IDLE, lambda: not left(), lambda: f"left running, or pieces: {left()}")

    def a_new_chat_works(self, person, port):
        if not self._asked:
            for double in self.doubles:
                double.script(*answer("Here I am."), when=SHORT)
        self._asked += 1
        began = time.monotonic()
        Follower(person, person.ask(f"{SHORT} {self._asked}", port=port), [port]).wait_end(30)
        took = time.monotonic() - began
        assert took < bounds.NEW_CHAT, f"a new chat at {port} took {took:.1f} s"

    def all_is_idle(self):
        """Each process has as many files and threads as when it was first looked at, and no more
        connections at the server than it may."""
        _within(bounds.IDLE, lambda: not self._busy(), lambda: f"not idle: {self._busy()}")
        most = int(self.site.environment["DATABASE_POOL"]) * len(self.site.processes)
        _within(
            bounds.IDLE,
            lambda: self.site.connected() <= most,
            lambda: f"{self.site.connected()} connections, and {most} are allowed",
        )

    def _busy(self):
        """Threads and files of the processes that have too many, and how many they had."""
        spare, busy = (bounds.SPARE_THREADS, bounds.SPARE_FILES), []
        for port in self.site.processes:
            before = self.site.idle_figures(port)
            now = self.site.threads(port), self.site.files(port)
            if any(a > b + more for a, b, more in zip(now, before, spare, strict=True)):
                busy.append((port, now, before))
        return busy

    def the_log_is_quiet(self):
        log = self.site.log(self._logged)
        noise = NOISE.search(log)
        assert not noise, log[max(0, noise.start() - 500) :][:3_000]


def requests_for(double, asked):
    """The requests at the provider for the reply to what was said: the first, and to go on."""
    return [each for each in double.requests if _last_said(each) == asked["said"].strip()]


def _last_said(request):
    said = ""
    for message in request.body.get("messages") or []:
        text = message.get("content")
        if message.get("role") == "user" and WISH_TO_GO_ON not in text:
            said = text
    return said


def _within(seconds, holds, otherwise):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, otherwise()
        time.sleep(0.1)


def _difference(stored, sent):
    at = next((i for i, (a, b) in enumerate(zip(stored, sent, strict=False)) if a != b), len(sent))
    return (
        f"stored what was not sent: {stored[at - 40 : at + 40]!r}, not {sent[at - 40 : at + 40]!r}"
    )
