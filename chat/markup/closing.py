"""Closes what is still open at the end of a growing text, or holds it back until it is finished.

So that no mark is shown that the finished text does not have: bold text is bold from its first
letter, a link is its text, and a formula appears as a whole. It looks at the last paragraph only,
in linear time, and only cuts off its end and adds marks. Where it guesses wrong, the finished text
shows it right.
"""

import re

LONGEST = 4_000  # characters of a paragraph; longer ones are left alone
FORMULA = 100  # characters of an inline formula that may be unfinished
LINK = 200  # characters of the text of a link that may be unfinished
NOWHERE = "](x:)"  # ends a link that leads nowhere: only its text is shown (links.py)

_FENCE = re.compile(r"^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)*(`{3,}|~{3,})([^\n]*)", re.MULTILINE)
_MARKS = re.compile(  # a line
    r"[-=*_#>+|:~`. \t]+|[ \t]*(?:\d{1,9}(?:[.)][ \t]*)?|[-*+][ \t]+\[[ xX]?\]?)"
)
_PREFIX = re.compile(r"(?:[ \t>]*(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)[ \t]+)+|[ \t]+")  # of a line
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]", re.MULTILINE)
_RUN = "*_~`["  # which may go on
_BEGUN = re.compile(  # an escape, an entity, a URL or an image
    r"(?:\\|&#?\w{0,8}|<(?:h|ht|htt|https?(?::[^\s<>]*)?)?|(?:(?<=\s)|^)!)\Z"
)
# Each alternative begins with a letter of its own, which makes the search five times as fast.
_TOKEN = re.compile(r"\\.|``*|\$\$*|\[|\]|\*\**|__*|~~*", re.DOTALL)
_TARGET = re.compile(r"\((?:[^()\n]|\([^()\n]*\))*\)")
# A price, a variable, words: no formula.
_PROSE = re.compile(
    r"\d[\d.,]*[^\d.,$\\^_{}a-z+*/=-]|[A-Za-z_]{2,}\s|.*?\b[a-z]{3,} [a-z]{2,}", re.DOTALL
)
_ENDS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}  # of formulas


def closed(text: str) -> str:
    """`text` as it is to be rendered while it grows."""
    fence, is_code = _last_fence(text)
    if is_code:
        return _without_half_a_fence(text, fence)
    line = text.rfind("\n") + 1
    if _opens(_FENCE.match(text, line)):
        return text[:line]
    begin = _paragraph(text)
    paragraph = text[begin:]
    if len(paragraph) > LONGEST or _is_indented_code(text, paragraph):
        return text
    if paragraph.startswith("|") and paragraph.count("\n") < 2:  # a table's head, or its rule
        return text[:begin]
    if _MARKS.fullmatch(text, line):
        return text[:line]
    begin = max(begin, _line_of_its_own(text, line))
    return text[:begin] + _inline(text[begin:])


def _last_fence(text: str) -> tuple[str, bool]:
    """The marks of the last fence, and whether it is open."""
    marks = ""
    for fence in _FENCE.finditer(text):
        if not marks:
            marks = fence[1] if _opens(fence) and fence.end() < len(text) else ""
        elif fence[1].startswith(marks) and not fence[2].strip():
            marks = ""
    return marks, bool(marks)


def _opens(fence: re.Match[str] | None) -> bool:
    return bool(fence) and (fence[1][0] == "~" or "`" not in fence[2])


def _without_half_a_fence(text: str, fence: str) -> str:
    line = text.rfind("\n") + 1
    last = text[line:].strip()
    return text[:line] if last and fence.startswith(last) else text


def _paragraph(text: str) -> int:
    """Where the last paragraph begins."""
    return max(text.rfind("\n\n") + 2, text.rfind("\n\r\n") + 3) if "\n" in text[1:] else 0


def _is_indented_code(text: str, paragraph: str) -> bool:
    return paragraph.startswith(("    ", "\t")) and not _ITEM.match(text)


def _line_of_its_own(text: str, line: int) -> int:
    """Where the inline text of the last line begins if it goes on from no line before: in an
    item, a heading, a quote or a table's cell."""
    if text.startswith("|", line):
        return text.rfind("|", line) + 1
    prefix = _PREFIX.match(text, line)
    return prefix.end() if prefix else 0


def _inline(text: str) -> str:
    text = text.rstrip(_RUN)
    if begun := _BEGUN.search(text, max(0, len(text) - LINK)):
        text = text[: begun.start()]
    end, ends = _open(text)
    if not ends:
        return text[:end]
    return text[:end].rstrip() + "".join(reversed(ends))


def _open(text: str) -> tuple[int, list[str]]:
    """How much of `text` to show, and what ends the marks that are open there."""
    stack: list[tuple[str, int]] = []  # a mark, and where it begins
    at, absent = 0, set()
    while token := _TOKEN.search(text, at):
        mark, at = token[0], token.end()
        if mark[0] == "`" or mark in _ENDS:
            ending = _ENDS.get(mark, mark)
            end = -1 if ending in absent else _end_of(text, at, ending)
            if end >= 0:
                at = end
                continue
            absent.add(ending)
            if mark[0] == "`" and not text[at:].isspace() and at < len(text):
                return len(text), [*_closers(stack, len(text)), mark]
            if mark[0] == "`" or _is_unfinished(text, at, mark):
                return token.start(), _closers(stack, token.start())
        elif mark == "[":
            is_image = text.startswith("!", token.start() - 1) and token.start() > 0
            stack.append(("![" if is_image else "[", token.start()))
        elif mark == "]":
            if not any("[" in each for each, _ in stack):
                continue
            target = _TARGET.match(text, at)
            if at == len(text) or (text[at] == "(" and not target):
                return token.start(), _closers(stack, token.start())
            stack = _without_bracket(stack, is_link=bool(target))
            at = target.end() if target else at
        elif mark[0] in "*_~":
            _emphasis(stack, text, token)
    return len(text), _closers(stack, len(text))


def _end_of(text: str, at: int, ending: str) -> int:
    """Where the code or the formula ends that begins at `at`; -1 if it does not."""
    if ending[0] == "`":
        match = re.compile(rf"(?<!`){ending}(?!`)").search(text, at)
    elif ending == "$":
        match = re.compile(r"(?<=[^\s\\])\$(?!\d)").search(text, at)
    else:
        match = re.compile(re.escape(ending)).search(text, at)
    return match.end() if match else -1


def _is_unfinished(text: str, at: int, mark: str) -> bool:
    """Whether a formula may be growing here, and no price."""
    if mark != "$":
        return True
    is_short = len(text) - at <= FORMULA
    return is_short and not text[at : at + 1].isspace() and not _PROSE.match(text, at)


def _emphasis(stack: list[tuple[str, int]], text: str, run: re.Match[str]) -> None:
    """CommonMark 0.31, section 6.2, roughly: ends what `run` ends, and begins what it begins."""
    mark, count = run[0][0], len(run[0])
    before = text[max(0, run.start() - 1) : run.start()] or " "
    after = text[run.end() : run.end() + 1] or " "
    is_inside = mark == "_" and before.isalnum() and after.isalnum()
    if is_inside or (mark == "~" and count > 2):
        return
    if not before.isspace():
        while count and any(each[0] == mark for each, _ in stack):
            while stack[-1][0][0] != mark:
                stack.pop()
            opened, begin = stack.pop()
            if len(opened) > count:
                stack.append((opened[count:], begin))
            count = max(0, count - len(opened))
    if count and not after.isspace():
        stack.append((mark * count, run.start()))


def _without_bracket(stack: list[tuple[str, int]], *, is_link: bool) -> list[tuple[str, int]]:
    """After the end of one: what was opened in it is none, and there is no link in a link."""
    last = max(index for index, (mark, _) in enumerate(stack) if "[" in mark)
    return [each for each in stack[:last] if not is_link or each[0] != "["]


def _closers(stack: list[tuple[str, int]], end: int) -> list[str]:
    return [
        NOWHERE if "[" in mark else mark
        for mark, begin in stack
        if "[" not in mark or end - begin <= LINK
    ]
