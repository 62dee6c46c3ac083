"""Text that every database can store."""


class Cleaning:
    """Cleans text that arrives in pieces: a surrogate pair may be split between two."""

    def __init__(self) -> None:
        self._half = ""

    def take(self, piece: str) -> str:
        if not piece:
            return ""
        text = self._half + piece
        self._half = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return clean(text.removesuffix(self._half) if self._half else text)

    def rest(self) -> str:
        half, self._half = self._half, ""
        return clean(half)


def clean(text: str) -> str:
    """`text` as every database can store it: no NUL, surrogates paired or replaced by U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace("\0", "\ufffd")
