"""Function calls, which arrive in pieces and are usable only when complete.

https://platform.openai.com/docs/guides/function-calling#streaming
"""

from typing import Any

from ..parts import Part, call
from .chunks import Content
from .cleaning import clean
from .errors import garbage

LONGEST = 256 * 1024  # characters of all calls of one answer


class Calls:
    def __init__(self) -> None:
        self._fields: dict[Any, dict[str, str]] = {}  # of each call, by its index
        self._chars = 0

    def take(self, content: Content) -> None:
        """Pieces of calls. Raises ProviderError if they exceed LONGEST."""
        for place, each in enumerate(content.tool_calls or ()):
            if isinstance(each, dict):
                function = each.get("function")
                index = each.get("index")
                self._write(place if index is None else index, "id", each.get("id"))
                self._write_function(place if index is None else index, function)
        self._write_function("function_call", content.function_call)  # until 2023
        if self._chars > LONGEST:
            raise garbage("endless function call")

    def whole(self) -> list[Part]:
        """The complete calls, once the model has finished; each only once."""
        calls, self._fields = self._fields, {}
        return [
            call(*(clean(fields.get(name, "")) for name in ("id", "name", "arguments")))
            for fields in calls.values()
        ]

    def _write_function(self, index: Any, function: Any) -> None:
        if isinstance(function, dict):
            for name in ("name", "arguments"):
                self._write(index, name, function.get(name))

    def _write(self, index: Any, name: str, piece: Any) -> None:
        """Some servers send the empty form of a call with each delta."""
        if isinstance(piece, str) and piece:
            fields = self._fields.setdefault(str(index)[:20], {})
            fields[name] = fields.get(name, "") + piece if name == "arguments" else piece
            self._chars += len(piece)
