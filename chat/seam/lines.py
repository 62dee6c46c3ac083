"""What the lines above say of a line that may be begun again: its number, or its columns."""

import re

LONGEST = 500  # characters of a row that are waited for
_ITEM = re.compile(r"([ \t]*)(\d{1,3})[.)] ")
_NUMBER = re.compile(r"\d{1,3}[.)]? ?")
_BAR = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"\|(?: ?:?-+:? ?\|)+")  # between a table's head and its rows


def is_decided_by_line(stored: str, new: str) -> bool:
    """Whether the line above knows if `new` begins the unfinished line again."""
    above, _, line = stored.rpartition("\n")
    line, begun = line.strip(" "), new[:1]
    if _NUMBER.fullmatch(line):
        return begun == line[0]
    is_row = above.startswith("|", above.rfind("\n") + 1)
    return is_row and begun == "|" and line[:1] in ("", "|")


def is_begun_again(stored: str, new: str, length: int) -> bool:
    """Whether `new`, whose first `length` characters end `stored`, repeats them for certain.

    `new` has its first line whole, or LONGEST characters of it.
    """
    *above, line = stored.split("\n")
    if _NUMBER.fullmatch(line.strip(" ")):
        return _is_next_item(above, line, new)
    added = new.partition("\n")[0].rstrip()
    if not line:
        return added == above[-1] and _RULE.fullmatch(added) is not None
    columns = len(_BAR.findall(above[-1]))
    cut = line.rstrip() + added[length:]
    is_whole_line = length >= len(line.strip())
    return is_whole_line and len(_BAR.findall(cut)) == columns < len(_BAR.findall(line + added))


def _is_next_item(above: list[str], line: str, new: str) -> bool:
    """Whether `new` begins with the item of which `line` is the beginning, by its number."""
    begun, indent = line.strip(" "), len(line) - len(line.lstrip(" "))
    digits = begun.rstrip(".)")
    items = (_ITEM.match(before) for before in reversed(above))
    last = next((int(item[2]) for item in items if item and len(item[1]) == indent), 0)
    number = str(last + 1) if str(last + 1).startswith(digits) else "1"
    return new.startswith((f"{number}. ", f"{number}) ")) and new.startswith(begun)
