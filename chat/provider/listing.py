"""Which of a provider's listed models can be offered for chat."""

import re
from typing import Any

from .chunks import from_json

MOST = 500  # models
LONGEST_ID = 200  # characters
# Name parts of models whose output is not text, or that do not chat.
NOT_FOR_CHAT = re.compile(
    r"(?<![a-z0-9])"
    r"(embed|embeddings?|whisper|tts|dall-e|moderation|audio|images?|imagen|realtime|transcribe"
    r"|davinci|babbage|sora|veo|rerank|reranker|ocr|gpt-3\.5-turbo-instruct)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)


def for_chat(body: bytes) -> list[str]:
    """The ids in a model list, newest first; malformed entries are skipped.

    Raises ValueError or RecursionError if it is not JSON.
    https://platform.openai.com/docs/api-reference/models/list
    """
    listed = from_json(body)
    if isinstance(listed, dict):
        listed = listed.get("data")  # a bare list with Together
    entries = [each for each in listed if _is_sane(each)] if isinstance(listed, list) else []
    entries.sort(key=_age)
    ids = dict.fromkeys(each["id"] for each in entries if not NOT_FOR_CHAT.search(each["id"]))
    return list(ids)[:MOST]


def _is_sane(entry: Any) -> bool:
    id = entry.get("id") if isinstance(entry, dict) else None
    return (
        isinstance(id, str) and 0 < len(id) <= LONGEST_ID and id.isprintable() and id == id.strip()
    )


def _age(entry: dict[str, Any]) -> float:
    created = entry.get("created")
    return -created if type(created) in (int, float) else 0
