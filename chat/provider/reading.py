"""Turns a provider's event stream into deltas of text that any database can store."""

from dataclasses import dataclass, field

from ..parts import Kind, Part, text_of
from ..sse import Decoder, EndlessLine, Event
from .calls import Calls
from .chunks import Choice, parse
from .cleaning import Cleaning, clean
from .errors import ProviderError, cut, garbage, told

BROKEN = "error"  # OpenRouter's finish reason for a model that broke off
REASON_CHARS = 40  # of a finish reason, which is one word for all known providers


@dataclass
class Delta:
    """One read from the provider."""

    parts: list[Part] = field(default_factory=list)
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def text(self) -> str:
        return text_of(self.parts, Kind.TEXT)

    def write(self, kind: str, text: str) -> None:
        """Append it."""
        if self.parts and self.parts[-1].kind == kind != Kind.CALL:
            text = self.parts.pop().text + text
        self.parts.append(Part(kind, text))

    def add(self, later: "Delta") -> None:
        for part in later.parts:
            self.write(*part)
        self.finish_reason = later.finish_reason or self.finish_reason
        self.count(later.prompt_tokens, later.completion_tokens)

    def count(self, prompt: int | None, completion: int | None) -> None:
        """Keeps the latest figures."""
        self.prompt_tokens = self.prompt_tokens if prompt is None else prompt
        self.completion_tokens = self.completion_tokens if completion is None else completion


class Reading:
    """Turns one response into deltas. It is complete once it has a finish reason."""

    def __init__(self) -> None:
        self.finish_reason = ""
        self.is_over = False
        self.failure: ProviderError | None = None  # if it ended before the finish reason
        self._decoder = Decoder()
        self._cleaning = {kind: Cleaning() for kind in (Kind.REASONING, Kind.TEXT, Kind.REFUSAL)}
        self._calls = Calls()

    def take(self, chunk: bytes) -> Delta:
        """What `chunk` contains, up to its end or a failure. Never raises."""
        delta = Delta()
        try:
            self._read(chunk, delta)
        except EndlessLine:
            self.end(garbage("endless line"))
        except ProviderError as error:
            self.end(error)
        except Exception as error:  # the unexpected ends this reply, and no other
            self.end(garbage(type(error).__name__))
        cleaned = [Part(kind, self._cleaning[kind].take(text)) for kind, text in delta.parts]
        delta.parts = [part for part in cleaned if part.text]
        if delta.finish_reason:
            delta.parts += self._calls.whole()
        return delta

    def end(self, failure: ProviderError | None = None) -> None:
        """No more data follows. A body that just ends is incomplete."""
        if not self.finish_reason and not self.failure:
            self.failure = failure or cut("end of body without a finish reason")
        self.is_over = True

    def rest(self) -> Delta:
        """What was held for a second half that never came; nothing after a failure."""
        if self.failure:
            return Delta()
        halves = [Part(kind, cleaning.rest()) for kind, cleaning in self._cleaning.items()]
        return Delta([half for half in halves if half.text])

    def _read(self, chunk: bytes, delta: Delta) -> None:
        for event in self._decoder.feed(chunk):
            if self.is_over:
                break
            self._event(event, delta)

    def _event(self, event: Event, delta: Delta) -> None:
        if event.data.startswith(b"[DONE]"):
            self.end(cut("[DONE] without a finish reason"))
            return
        if event.event == b"error":
            raise told(event.data)
        try:
            chunk = parse(event.data)
        except (ValueError, RecursionError) as error:
            raise garbage(type(error).__name__) from None
        if chunk is None:
            return
        if chunk.error:
            raise told(event.data)
        if chunk.usage:
            delta.count(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
        for choice in chunk.choices or ():
            if not choice.index:  # other indexes are alternative answers
                self._choice(choice, delta)
                break

    def _choice(self, choice: Choice, delta: Delta) -> None:
        content = choice.delta
        if content:
            if thought := content.reasoning_content or content.reasoning:
                delta.write(Kind.REASONING, thought)
            if content.content:
                delta.write(Kind.TEXT, content.content)
            if content.refusal:
                delta.write(Kind.REFUSAL, content.refusal)
            if content.tool_calls or content.function_call:
                self._calls.take(content)
        if choice.finish_reason:
            self._finish(choice.finish_reason, delta)

    def _finish(self, reason: str, delta: Delta) -> None:
        reason = clean(reason[:REASON_CHARS]).strip()
        if reason.lower() == BROKEN:
            raise garbage("finish reason error", retryable=True)
        if reason:
            self.finish_reason = delta.finish_reason = reason


def require_event_stream(content_type: str) -> None:
    """A gateway's page or a JSON error with status 200 is no reply."""
    for kind in ("text/html", "application/json"):
        if content_type.lower().startswith(kind):
            raise garbage(f"content type {kind}", retryable=True)
