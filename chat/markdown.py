"""Markdown to safe HTML: whole, and growing block by block while a reply streams.

comrak parses; raw HTML comes out as visible text, links to scripts lose their target, and images
become links, because a picture's address can carry a conversation to another host.
"""

import re
from html import escape, unescape

import comrak
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_all_lexers, get_lexer_by_name

from .formulas import mathml

VERSION = 3  # of the HTML; what was stored by another version is rendered again
CODE = '<pre tabindex="0" data-language="'  # of a language that is known here; to be highlighted
FORMULA = '<pre tabindex="0"><code class="language-math" data-math-style="display">'
LONG_FORMULA = 60  # characters from which one inside a line gets a line that can be scrolled
MAX_HIGHLIGHTED = 20_000  # characters of one code block; longer ones stay plain

_extensions = comrak.ExtensionOptions()
for _name in ("table", "strikethrough", "tasklist", "autolink", "math_dollars", "math_latex"):
    setattr(_extensions, _name, True)
_options = comrak.RenderOptions()
_options.escape = True
_options.sourcepos = True  # tells where each block begins and ends in the source

_POSITION = re.compile(r'<[a-z0-9]+ (?:[^<>]* )?data-sourcepos="(\d+):\d+-(\d+):\d+"')
_SOURCEPOS = re.compile(r' data-sourcepos="[\d:-]+"')
_LINK = re.compile(r'<a href="(?!"|#)')
_IMAGE = re.compile(r'<img src="([^"]*)" alt="([^"]*)"(?: title="[^"]*")? />')
_TASK = re.compile(r'<input type="checkbox" (checked="" )?disabled="" />')
_OPENING = re.compile(r'<pre><code class="language-([^"]+)">')
_CODE = re.compile(CODE + r'([^"]+)"><code class="language-([^"]+)">(.*?)</code></pre>', re.DOTALL)
_FORMULA = re.compile(r'<span data-math-style="(inline|display)">([^<]*)</span>')
_FORMULA_BLOCK = re.compile(FORMULA + r"([^<]*)</code></pre>")
_RAW = re.compile(
    r"(\A|</(?:p|ul|ol|pre|table|blockquote|h[1-6])>\n|<hr />\n)"
    r"(&lt;.*?)(?=\n<(?:p|ul|ol|pre|table|blockquote|h[1-6]|hr)[ >]|\n?\Z)",
    re.DOTALL,
)
_formatter = HtmlFormatter(nowrap=True)
_languages = {
    alias: name for name, aliases, *_ in get_all_lexers(plugins=False) for alias in aliases
}


def page(text: str) -> SafeString:
    """All blocks of `text`, finished and highlighted, each in a `div.block`."""
    return wrap([highlight_code(block) for block in blocks(text)])


def is_laborious(text: str) -> bool:
    """Whether there may be code to highlight or formulas to convert: milliseconds."""
    return any(mark in text for mark in ("```", "~~~", "$", "\\(", "\\["))


def wrap(rendered: list[str]) -> SafeString:
    return mark_safe("".join(f'<div class="block">{block}</div>' for block in rendered))


def blocks(text: str) -> list[str]:
    """The HTML of each top-level block of `text`."""
    return [html for _, html in _positioned_blocks(text)]


def highlight_code(html: str) -> str:
    """`html` with its code highlighted: milliseconds, so only for blocks that are finished."""
    if not _is_plain(html):
        return html
    return _FORMULA_BLOCK.sub(_formula_block, _CODE.sub(_highlighted, html))


class Growing:
    """The HTML of a text that grows, a list of blocks. Only the last one is rendered again."""

    def __init__(self) -> None:
        self.blocks: list[str] = []
        self._finished = 0  # how many of the blocks cannot change any more
        self._begin = 0  # where the first unfinished one begins in the text

    def update(self, text: str) -> int:
        """Take the text as it is now; the index of the first block that may have changed."""
        first = self._finished
        positioned = _positioned_blocks(text[self._begin :])
        self.blocks[first:] = [html for _, html in positioned]
        # A block is closed as soon as a whole line begins its next sibling: CommonMark is parsed
        # line by line (appendix "A parsing strategy").
        is_whole = positioned and "\n" in text[self._begin + positioned[-1][0] :]
        closed = len(positioned) - (1 if is_whole else 2)
        if closed > 0:
            self._finished += closed
            self._begin += positioned[closed][0]
        return first

    def finished(self, first: int) -> list[str]:
        """The blocks from `first` on that cannot change any more."""
        return self.blocks[first : self._finished]

    def highlight_finished(self, first: int) -> None:
        """Highlight code in the finished blocks from `first` on."""
        for index in range(first, self._finished):
            self.blocks[index] = highlight_code(self.blocks[index])

    def has_new_code(self, first: int) -> bool:
        """Whether a block that has been finished since has code to highlight."""
        return any(map(_is_plain, self.finished(first)))


def _is_plain(html: str) -> bool:
    return CODE in html or FORMULA in html


def _positioned_blocks(text: str) -> list[tuple[int, str]]:
    """Each top-level block: where its source begins in `text`, and its HTML."""
    html = comrak.render_markdown(text, _extensions, render_options=_options)
    starts = _top_level(html)
    if len(starts) < 2:
        return [(0, _cleaned(html))] if html.strip() else []
    offsets = _line_offsets(text)
    # What stands before the first positioned block (raw HTML) belongs to it.
    begins = [0, *(begin for begin, _ in starts[1:]), len(html)]
    lines = [1, *(line for _, line in starts[1:])]
    return [
        (offsets[line - 1], _cleaned(html[begin:end]))
        for line, begin, end in zip(lines, begins, begins[1:], strict=False)
    ]


def _top_level(html: str) -> list[tuple[int, int]]:
    """Where top-level blocks begin: in the HTML, and their line in the source."""
    found, last_line = [], 0
    for match in _POSITION.finditer(html):
        line, end = int(match[1]), int(match[2])
        if line > last_line:
            found.append((match.start(), line))
            last_line = max(line, end)
    return found


def _line_offsets(text: str) -> list[int]:
    """Where each line begins, lines as CommonMark counts them: ended by LF, CR or CRLF."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", text))]


def _cleaned(html: str) -> str:
    html = _SOURCEPOS.sub("", html)
    if "<pre><code" in html:
        html = _OPENING.sub(_with_language, html)
        # Code that scrolls has to be within reach of the keyboard.
        html = html.replace("<pre><code", '<pre tabindex="0"><code')
    if "<input " in html:
        html = _TASK.sub(_task_box, html)
    if "<img " in html:
        html = _IMAGE.sub(_image_as_link, html)
    if "<a href" in html:
        html = html.replace('<a href="">', "<a>")
        html = _LINK.sub('<a rel="noopener noreferrer nofollow" target="_blank" href="', html)
    if " data-math-style=" in html:
        html = _FORMULA.sub(_formula, html)
    if "&lt;" in html:
        html = _RAW.sub(r'\1<p class="raw">\2</p>', html)
    return html.strip("\n")


def _with_language(match: re.Match[str]) -> str:
    """Its name from the beginning; code of a language that is not known here stays as it is."""
    name = _languages.get(_alias(match[1]))
    return f'{CODE}{escape(name)}"><code class="language-{match[1]}">' if name else match[0]


def _alias(written: str) -> str:
    """What Pygments calls the language of a block: the first word behind its fence."""
    return re.split(r"[\s,]", unescape(written).lower(), maxsplit=1)[0]


def _task_box(match: re.Match[str]) -> str:
    return f'<span class="task">{"☑" if match[1] else "☐"}</span>'


def _image_as_link(match: re.Match[str]) -> str:
    source, alt = match[1], match[2] or match[1]
    inside_link = match.string.rfind("<a ", 0, match.start()) > match.string.rfind(
        "</a>", 0, match.start()
    )
    return alt if inside_link or not source else f'<a href="{source}">{alt}</a>'


def _formula(match: re.Match[str]) -> str:
    """The formula, or its source where it cannot be shown."""
    is_display, source = match[1] == "display", unescape(match[2])
    formula = mathml(source.strip("`"), is_display=is_display)
    if formula is None:
        return f"<code>{match[2].strip()}</code>"
    if is_display or len(source) > LONG_FORMULA:
        return f'<span class="formula" tabindex="0">{formula}</span>'
    return formula


def _formula_block(match: re.Match[str]) -> str:
    formula = mathml(unescape(match[1]), is_display=True)
    return f'<p><span class="formula" tabindex="0">{formula}</span></p>' if formula else match[0]


def _highlighted(match: re.Match[str]) -> str:
    language, written, code = match[1], match[2], unescape(match[3])
    if len(code) > MAX_HIGHLIGHTED:
        return match[0]
    marked = highlight(code, get_lexer_by_name(_alias(written), stripnl=False), _formatter)
    head = f'<pre tabindex="0" class="highlight" data-language="{language}">'
    return f'{head}<code class="language-{written}">{marked}</code></pre>'
