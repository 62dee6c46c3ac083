"""What the double remembers of a request."""

import threading
import time
from collections.abc import Mapping
from typing import Any

WISH_TO_GO_ON = "answer was cut off"  # in the request of a client that has its answer continued
WAIT = 10.0  # seconds until a wait fails its test


class Request:
    """One chat-completions request; written by the double's thread, readable from any.

    `body` is the parsed JSON, `headers` have lower-case names, `prompt` is the text of the last
    user message, `port` is the client's end of the connection; `started_at` and `closed_at` are
    time.monotonic() in seconds.
    `beginning` is the unfinished answer that the model is asked to continue.
    `closed_by_client` says that the client closed the connection before the script had ended.
    """

    def __init__(self, body: dict[str, Any], headers: Mapping[str, str], port: int = 0) -> None:
        self.body = body
        self.port = port
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.prompt = _last_user_text(body)
        self.beginning = _beginning(body)
        self.started_at = time.monotonic()
        self.closed_at: float | None = None
        self.closed_by_client = False
        self._pieces: list[str] = []
        self._ended = threading.Event()

    def __repr__(self) -> str:
        state = "finished" if self.finished else "open"
        return f"<Request {self.prompt[:40]!r}, {state}, {len(self._pieces)} pieces sent>"

    @property
    def sent(self) -> str:
        """The content text handed to the socket so far; without reasoning and without the text
        of frames that are broken on purpose (BadJson, BadUtf8)."""
        return "".join(self._pieces)

    @property
    def finished(self) -> bool:
        """Whether the answer has ended, whoever ended it."""
        return self._ended.is_set()

    def wait_closed(self, timeout: float = WAIT) -> "Request":
        """Returns the request itself once its answer has ended, whoever ended it."""
        if not self._ended.wait(timeout):
            raise AssertionError(f"{self!r} is still open after {timeout} s")
        return self

    def record_sent(self, text: str) -> None:
        self._pieces.append(text)

    def record_end(self, *, closed_by_client: bool) -> None:
        self.closed_by_client = closed_by_client
        self.closed_at = time.monotonic()
        self._ended.set()


def _beginning(body: dict[str, Any]) -> str:
    """The unfinished answer to be continued: handed in last, or before the wish to go on."""
    *_, before, last = [{}, {}, *(body.get("messages") or [])]
    if last.get("role") == "assistant":
        return _text_of(last.get("content"))
    wishes = WISH_TO_GO_ON in _text_of(last.get("content"))
    return _text_of(before.get("content")) if wishes else ""


def _last_user_text(body: dict[str, Any]) -> str:
    for message in reversed(body.get("messages") or []):
        if message.get("role") == "user":
            return _text_of(message.get("content"))
    return ""


def _text_of(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""
