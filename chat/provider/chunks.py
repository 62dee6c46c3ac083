"""One frame of a provider's stream: only the few fields we use, whatever the others hold."""

import json
from typing import Annotated, Any

import msgspec

LARGEST_COUNT = 2**31 - 1  # tokens; fits every database's integer

Count = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_COUNT)]


class Content(msgspec.Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None  # DeepSeek, older vLLM, llama.cpp
    reasoning: str | None = None  # OpenRouter, newer vLLM, Ollama
    refusal: str | None = None
    tool_calls: list[Any] | None = None
    function_call: dict[str, Any] | None = None


class Choice(msgspec.Struct, gc=False):
    index: int | None = None
    delta: Content | None = None
    finish_reason: str | None = None


class Usage(msgspec.Struct, gc=False):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None


class Chunk(msgspec.Struct, gc=False):
    """A chat.completion.chunk; only these fields are decoded.

    https://platform.openai.com/docs/api-reference/chat-streaming
    """

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None


_decode = msgspec.json.Decoder(Chunk).decode


def parse(data: bytes) -> Chunk | None:
    """The chunk in `data`; fields of a wrong type are ignored. None if the JSON is not an
    object. Raises ValueError or RecursionError if it is not JSON."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):  # an odd value, or half a surrogate pair
        chunk = from_json(data)
        return _forgiving(chunk) if isinstance(chunk, dict) else None


def from_json(data: bytes) -> Any:
    """The decoded value. Raises ValueError or RecursionError if it is not JSON."""
    return json.loads(data.decode(), parse_int=_int)


def _int(digits: str) -> int | None:
    """Python refuses thousands of digits, with a ValueError."""
    return int(digits) if len(digits) < 20 else None


def _forgiving(chunk: dict[str, Any]) -> Chunk:
    usage = _dict(chunk.get("usage"))
    counts = (_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    choices = [_choice(each) for each in _list(chunk.get("choices")) if isinstance(each, dict)]
    return Chunk(choices, Usage(*counts), chunk.get("error"))


def _choice(choice: dict[str, Any]) -> Choice:
    index = choice.get("index")
    return Choice(
        index if type(index) is int else None,
        _content(_dict(choice.get("delta"))),
        _str(choice.get("finish_reason")),
    )


def _content(delta: dict[str, Any]) -> Content:
    """Content may be an array of parts, some of them reasoning, as Mistral's models send it:
    https://docs.mistral.ai/capabilities/reasoning/"""
    content = delta.get("content")
    parts = [each for each in _list(content) if isinstance(each, dict)]
    texts = [_words(each) for each in parts if each.get("type") == "text"]
    thoughts = [_words(each.get("thinking")) for each in parts if each.get("type") == "thinking"]
    return Content(
        content=_str(content) or "".join(texts),
        reasoning_content=_words(delta.get("reasoning_content")) or "".join(thoughts),
        reasoning=_words(delta.get("reasoning")),
        refusal=_str(delta.get("refusal")),
        tool_calls=_list(delta.get("tool_calls")),
        function_call=_dict(delta.get("function_call")),
    )


def _words(value: Any) -> str:
    """The text of a string, a part or a list of parts."""
    parts = value if isinstance(value, list) else [value]
    return "".join(_str(each.get("text") if isinstance(each, dict) else each) for each in parts)


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= LARGEST_COUNT else None
