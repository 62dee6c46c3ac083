"""Code blocks: language names and highlighting."""

import re
from html import escape, unescape

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from .allowed import allowed
from .costs import is_too_large
from .formulas import mathml
from .languages import NAMES, alias

CODE = '<pre tabindex="0" data-language="'  # of a known language; to be highlighted
FORMULA = '<pre tabindex="0"><code class="language-math" data-math-style="display">'
MAX_HIGHLIGHTED = 20_000  # characters of one code block; longer ones stay plain
MAX_HIGHLIGHTED_IN_ALL = 100_000  # characters of the HTML of a page's code before it is highlighted

_OPENING = re.compile(r'<pre><code(?: class="language-([^"]+)")?(?=[ >])')
_CODE = re.compile(CODE + r'([^"]+)"><code class="language-([^"]+)">([^<]*)</code></pre>')
_FORMULA_BLOCK = re.compile(FORMULA + r"([^<]*)</code></pre>")
_formatter = HtmlFormatter(nowrap=True)


def with_languages(html: str) -> str:
    """`html` with each code block labelled with its language and keyboard-focusable."""
    return _OPENING.sub(_opening, html) if "<pre><code" in html else html


def is_to_highlight(html: str) -> bool:
    return CODE in html or FORMULA in html


def highlight_code(html: str) -> str:
    """`html` with its code highlighted. Takes milliseconds: only for finished blocks."""
    if not is_to_highlight(html):
        return html
    return allowed(_FORMULA_BLOCK.sub(_formula_block, _CODE.sub(_highlighted, html)))


class Highlighting:
    """Highlights the blocks of one text, in order, up to MAX_HIGHLIGHTED_IN_ALL."""

    def __init__(self) -> None:
        self._left = MAX_HIGHLIGHTED_IN_ALL

    def __call__(self, html: str) -> str:
        if not is_to_highlight(html):
            return html
        self._left -= len(html)
        return highlight_code(html) if self._left >= 0 else html


def _opening(match: re.Match[str]) -> str:
    """Only a known language gets a class; an unknown one is only named."""
    if match[1] == "math":
        return f'<pre tabindex="0">{match[0].removeprefix("<pre>")}'
    written = alias(match[1] or "")
    if name := NAMES.get(written):
        return f'{CODE}{escape(name)}"><code class="language-{escape(written)}"'
    told = f'data-language="{escape(written)}" ' if written else ""
    return f'<pre {told}tabindex="0"><code'


def _formula_block(match: re.Match[str]) -> str:
    formula = mathml(unescape(match[1]), is_display=True)
    return f'<p><span class="formula" tabindex="0">{formula}</span></p>' if formula else match[0]


def _highlighted(match: re.Match[str]) -> str:
    name, written, code = match[1], match[2], unescape(match[3])
    if len(code) > MAX_HIGHLIGHTED:
        return match[0]
    lexer = get_lexer_by_name(unescape(written), stripnl=False)
    marked = highlight(code, lexer, _formatter)
    if is_too_large(marked, code):
        return match[0]
    head = f'<pre tabindex="0" class="highlight" data-language="{name}">'
    return f'{head}<code class="language-{written}">{marked}</code></pre>'
