"""Makes deltas of a provider's event stream, decoding only the few fields that are used."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from ..sse import Decoder, EndlessLine, Event
from .errors import ProviderError, cut, garbage


@dataclass
class Delta:
    """What one read from the provider brought."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    def add(self, later: "Delta") -> None:
        self.text += later.text
        self.reasoning += later.reasoning
        self.finish_reason = later.finish_reason or self.finish_reason
        self.prompt_tokens = later.prompt_tokens or self.prompt_tokens
        self.completion_tokens = later.completion_tokens or self.completion_tokens


class _Content(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None  # DeepSeek, older vLLM, llama.cpp
    reasoning: str | None = None  # OpenRouter, newer vLLM, Ollama


class _Choice(msgspec.Struct):
    delta: _Content | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    """A chat.completion.chunk, of which only these fields are built.

    https://platform.openai.com/docs/api-reference/chat-streaming
    """

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class Reading:
    """Makes deltas of what one response brings. Complete is what has a finish reason."""

    def __init__(self) -> None:
        self.finish_reason = ""
        self.is_over = False
        self.failure: ProviderError | None = None  # if it was over before the finish reason
        self._decoder = Decoder()
        self._half_pair = ""  # the first half of a surrogate pair whose second is yet to come

    def take(self, chunk: bytes) -> Delta:
        """What `chunk` brings, up to its end or a failure."""
        delta = Delta()
        try:
            for event in self._decoder.feed(chunk):
                self._event(event, delta)
        except EndlessLine:
            self.end(garbage("endless line"))
        except ProviderError as error:
            self.end(error)
        delta.text = self._clean(delta.text)
        delta.reasoning = clean(delta.reasoning)
        return delta

    def end(self, failure: ProviderError | None = None) -> None:
        """Nothing more comes. A body that merely ends is not complete."""
        if not self.finish_reason and not self.failure:
            self.failure = failure or cut("end of body without a finish reason")
        self.is_over = True

    def _event(self, event: Event, delta: Delta) -> None:
        if event.data.startswith(b"[DONE]"):
            self.end(cut("[DONE] without a finish reason"))
            return
        chunk = _parse(event.data)
        if chunk.error or event.event == b"error":
            raise garbage("error in the stream", retryable=True)
        if chunk.usage:
            delta.prompt_tokens = chunk.usage.prompt_tokens
            delta.completion_tokens = chunk.usage.completion_tokens
        for choice in (chunk.choices or [])[:1]:
            if choice.delta:
                delta.text += choice.delta.content or ""
                delta.reasoning += choice.delta.reasoning_content or choice.delta.reasoning or ""
            if choice.finish_reason:
                self.finish_reason = delta.finish_reason = choice.finish_reason[:40]

    def _clean(self, text: str) -> str:
        text = self._half_pair + text
        self._half_pair = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return clean(text.removesuffix(self._half_pair) if self._half_pair else text)


def clean(text: str) -> str:
    """`text` as every database can store it: no NUL, surrogates paired or replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")


def _parse(data: bytes) -> _Chunk:
    try:
        try:
            return _decode_chunk(data)
        except msgspec.ValidationError:
            raise
        except ValueError:  # half a surrogate pair, which the fast decoder does not take
            if rb"\u" not in data:
                raise
            return msgspec.convert(json.loads(data), _Chunk)
    except (ValueError, RecursionError) as error:
        raise garbage(type(error).__name__) from None


def require_event_stream(content_type: str) -> None:
    """A gateway's page or a JSON error with status 200 is no reply."""
    if content_type.startswith(("text/html", "application/json")):
        raise garbage(f"content type {content_type.split(';')[0]}", retryable=True)
