"""Markdown to blocks of HTML: comrak, and our changes to its output."""

import re
from html import escape, unescape
from itertools import pairwise

import comrak

from .allowed import allowed
from .code import with_languages
from .costs import cheap_length, is_too_deep, is_too_large
from .formulas import mathml
from .links import with_targets

LONG_FORMULA = 60  # characters; longer inline formulas become scrollable

ABOVE = 2  # levels of the page's own headings: its title, and one for each message

PLAIN = '<div class="plain">'  # no other output of this module starts like this

_extensions = comrak.ExtensionOptions()
for _name in ("table", "strikethrough", "tasklist", "autolink", "math_dollars", "math_latex"):
    setattr(_extensions, _name, True)
_options = comrak.RenderOptions()
_options.escape = True
_options.sourcepos = True  # says where each block begins and ends in the source

_POSITION = re.compile(
    r' data-sourcepos="(\d+):\d+-(\d+)'
)  # in text this quotation mark is escaped
_SOURCEPOS = re.compile(r' data-sourcepos="[\d:-]+"')
_HEADING = re.compile(r"(?<=<h|/h)[1-6](?=>)")
_TASK = re.compile(r'<input type="checkbox" (checked="" )?disabled="" />')
_FORMULA = re.compile(r'<span data-math-style="(inline|display)">([^<]*)</span>')
_RAW = re.compile(
    r"(\A|</(?:p|ul|ol|pre|table|blockquote|h[1-6])>\n|<hr />\n)"
    r"(&lt;.*?)(?=\n<(?:p|ul|ol|pre|table|blockquote|h[1-6]|hr)[ >]|\n?\Z)",
    re.DOTALL,
)


def blocks(text: str) -> list[str]:
    """The HTML of each top-level block of `text`."""
    return [html for _, html in positioned_blocks(text)]


def positioned_blocks(text: str) -> list[tuple[int, str]]:
    """Each top-level block: where its source begins in `text`, and its HTML. From the paragraph
    that makes it costly on, the rest is a single plain block."""
    cheap = cheap_length(text)
    if cheap < len(text):
        return [*positioned_blocks(text[:cheap]), (cheap, plain_block(text[cheap:].lstrip("\r\n")))]
    html = comrak.render_markdown(text, _extensions, render_options=_options)
    if not html.strip():
        return []
    starts = _top_level(html)[1:]
    offsets = _line_offsets(text) if starts else []
    # Anything before the first positioned block (raw HTML) belongs to it.
    cuts = [(0, 0), *((offsets[line - 1], at) for at, line in starts), (len(text), len(html))]
    return [
        (begin, _finished(html[html_begin:html_end], text[begin:end]))
        for (begin, html_begin), (end, html_end) in pairwise(cuts)
    ]


def _top_level(html: str) -> list[tuple[int, int]]:
    """Where top-level blocks begin: in the HTML, and their line in the source."""
    found, last_line = [], 0
    for match in _POSITION.finditer(html):
        line, end = int(match[1]), int(match[2])
        if line > last_line:
            found.append((html.rindex("<", 0, match.start()), line))
            last_line = max(line, end)
    return found


def _line_offsets(text: str) -> list[int]:
    """Where each line begins, by CommonMark's line endings: LF, CR or CRLF."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]


def _finished(html: str, source: str) -> str:
    """A block ready to be shown: plain if it would be too deep or too large."""
    html = _cleaned(html)
    if is_too_deep(html) or is_too_large(html, source):
        return plain_block(source)
    return allowed(html)


def plain_block(source: str) -> str:
    """The source itself, for what cannot or must not be rendered."""
    return f"{PLAIN}{escape(source, quote=False)}</div>"


def _cleaned(html: str) -> str:
    html = with_languages(_SOURCEPOS.sub("", html))
    if "</h" in html:
        html = _HEADING.sub(_lower_level, html)
    if "<input " in html:
        html = _TASK.sub(_task_box, html)
    html = with_targets(html)
    if " data-math-style=" in html:
        html = _FORMULA.sub(_formula, html)
    if "&lt;" in html:
        html = _RAW.sub(r'\1<p class="raw">\2</p>', html)
    return html.strip("\n")


def _lower_level(match: re.Match[str]) -> str:
    return str(min(int(match[0]) + ABOVE, 6))


def _task_box(match: re.Match[str]) -> str:
    return f'<span class="task">{"☑" if match[1] else "☐"}</span>'


def _formula(match: re.Match[str]) -> str:
    """The formula, or its source where it cannot be shown."""
    is_display, source = match[1] == "display", unescape(match[2])
    formula = mathml(source.strip("`"), is_display=is_display)
    if formula is None:
        return f"<code>{match[2].strip()}</code>"
    if is_display or len(source) > LONG_FORMULA:
        return f'<span class="formula" tabindex="0">{formula}</span>'
    return formula
