"""Parts of replies, as tests write them."""

from chat.parts import Kind, Part, text_of


def said(text):
    return (Part(Kind.TEXT, text),)


def thought(text):
    return (Part(Kind.REASONING, text),)


def stored_thoughts(text):
    """`Message.parts` of a reply that was thought about, and says nothing yet."""
    return [{"kind": "reasoning", "text": text}]


def thoughts_of(parts):
    return text_of(parts, Kind.REASONING)


def refusal_of(parts):
    return text_of(parts, Kind.REFUSAL)
