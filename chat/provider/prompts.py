"""Parley's own prompts."""

ASK_TO_GO_ON = (
    "Your last answer was cut off. Go on from exactly where it stopped, "
    "in the middle of a word if need be, and repeat nothing."
)
ASK_FOR_TITLE = (
    "Name this conversation in two to five words, in its own language. "
    "Answer with the name alone, as plain text, without quotation marks and without a full stop."
)
