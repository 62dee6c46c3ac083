"""LaTeX formulas to MathML: safe and in bounded time, whatever the model writes.

math-core is fast (10 to 50 µs), but its time doubles with each unclosed bracket, and it recurses.
Anything that could be slow or nest deep is refused up front, and the output passes an allow-list
of elements and attributes.
"""

import re
from functools import lru_cache

from math_core import LatexError, LatexToMathML

LONGEST = 2_000  # characters
DEEPEST = 60  # levels of nested groups, or of elements
OPEN_BRACKETS = 8  # never closed; each one more doubles the time
WIDEST_SPACE = 20  # em; a formula must not overflow its place
EXPANSIONS = 200  # of its macros
ELEMENTS = {
    *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub"),
    *("msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts"),
    *("mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
ATTRIBUTES = {
    *("display", "displaystyle", "scriptlevel", "lspace", "rspace", "width", "height", "depth"),
    *("voffset", "stretchy", "symmetric", "largeop", "movablelimits", "minsize", "maxsize"),
    *("accent", "accentunder", "form", "fence", "separator", "mathvariant", "linethickness"),
    *("columnspan", "notation"),
}
KEPT = 256  # formulas: one in a growing block is rendered at every tick

_converter = LatexToMathML(fancy_error=False, max_expansions=EXPANSIONS)

_DEFINITION = re.compile(r"\\(?:(?:re)?newcommand|providecommand|[gex]?def)(?![a-zA-Z])")
_TOKEN = re.compile(
    r"""(?P<down>{|\\begin(?![a-zA-Z])|\\left(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\?.))
    |(?P<up>}|\\end(?![a-zA-Z])|\\right(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\?.))
    |(?P<cell>&|\\\\|\\middle(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\?.))
    |\\[bB]igg?m?(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\?.)  # neither opens nor closes
    |(?P<open>\\[bB]igg?l(?![a-zA-Z])\s*(?:\\[a-zA-Z]+|\\?.)
        |\\{|[(\[⌈⌊⌜⌞⎰\u2772⟅⟦⟨⟪⟬⟮⦃⦅⦇⦉⦋⦍⦏⦑⦓⦕⦗⧘⧚⧼]
        |\\(?:l?l(?:angle|Angle|ang|brace|Brace|brack|bracket|ceil|floor|paren|parenthesis
        |vert|Vert|group|moustache|corner)|ulcorner|mathopen
        |[bB]ra(?:ket)?|[kK]et|p?(?:mod|od))(?![a-zA-Z]))
    |(?P<close>\\}|[)\]]|\\r?r(?:angle|Angle|ang|brace|Brace|brack|bracket|ceil|floor|paren
        |parenthesis|vert|Vert|group|moustache)(?![a-zA-Z]))
    |\\.""",
    re.VERBOSE | re.DOTALL,
)
_TAG = re.compile(r'<(/?)([a-z]+)((?: [a-z]+="[^"<>]*")*)(/?)>')
_ATTRIBUTE = re.compile(r' ([a-z]+)="([^"]*)"')
_LENGTH = re.compile(r"-?(\d*\.?\d+)(em|ex|px|pt|mu|cm|mm|in|pc|%)?")
_LOOKS = {  # instead of inline styles, which the Content-Security-Policy forbids
    "text-align: right": "to-end",
    "text-align: left": "to-start",
    "border-left:": "line-before",
    "border-right:": "line-behind",
    "border-top:": "line-above",
    "border-bottom:": "line-below",
}
CLASSES = set(_LOOKS.values())


@lru_cache(maxsize=KEPT)
def mathml(source: str, *, is_display: bool) -> str | None:
    """The formula as MathML; None if unsupported or too costly."""
    if len(source) > LONGEST or _DEFINITION.search(source) or not _is_tame(source):
        return None
    try:
        return _safe(_converter.convert_with_local_state(source, displaystyle=is_display))
    except (LatexError, ValueError):
        return None


def _is_tame(source: str) -> bool:
    """Whether groups nest only a little, and nearly all brackets are closed."""
    groups, lost = [0], 0
    for match in _TOKEN.finditer(source):
        match match.lastgroup:
            case "down":
                groups.append(0)
            case "up" if len(groups) > 1:
                lost += groups.pop()
            case "cell":
                lost, groups[-1] = lost + groups[-1], 0
            case "open":
                groups[-1] += 1
            case "close":
                groups[-1] = max(0, groups[-1] - 1)
        if len(groups) > DEEPEST or lost + sum(groups) > OPEN_BRACKETS + len(groups):
            return False
    return lost + sum(groups) <= OPEN_BRACKETS


def _safe(html: str) -> str:
    """`html` with only MathML that we allow. Raises ValueError."""
    depth = 0

    def tag(match: re.Match[str]) -> str:
        nonlocal depth
        end, name, attributes, is_empty = match.groups()
        depth += 0 if is_empty else -1 if end else 1
        if name not in ELEMENTS or depth > DEEPEST:
            raise ValueError(name)
        # Outside XML an element ends by its end tag only.
        ending = f"></{name}>" if is_empty else ">"
        return f"<{end}{name}{_ATTRIBUTE.sub(_attribute, attributes)}{ending}"

    if "<" in _TAG.sub("", html):
        raise ValueError(html)
    return _TAG.sub(tag, html)


def _attribute(match: re.Match[str]) -> str:
    name, value = match.groups()
    if name == "style":
        looks = " ".join(look for style, look in _LOOKS.items() if style in value)
        return f' class="{looks}"' if looks else ""
    length = _LENGTH.fullmatch(value)
    if length and name != "columnspan" and float(length[1]) > WIDEST_SPACE:
        raise ValueError(value)
    return match[0] if name in ATTRIBUTES else ""
