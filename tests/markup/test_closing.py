"""What is shown of a text while it grows."""

import re
from html import unescape

import pytest

from chat.markup import Growing, blocks, closed, positioned_blocks

TEXTS = [
    "A **bold** word, *one*, ***both***, __this__, _that_, ~~gone~~ and **more *in* it**.",
    "Use `code`, ``co`de`` and `**code**`.",
    "See [the **manual**](https://example.com/a_(b)), ![a picture](https://example.com/x.png), "
    "[**b**](https://example.com/b) or <https://example.org/x>.",
    "So $x^2$, $$y$$, \\(a_b\\) and \\[c\\] cost $5 and $HOME is *set*.",
    "- **one** two\n- [ ] to do\n- [x] *done*\n  1. a `b`\n  2. c\n\n> **quote** it\n> on\n",
    "# Title *x*\n\nText\n\n| a | **b** |\n|---|:-:|\n| `1` | *2* |\n\nAfter it.",
    "Text\n\n```python\nx = **y\n```\n\nand **more** &amp; done\\* yes 2 * 3 * 4.\n\n    in = *d\n",
    "1. **Start**: text\n2. `x`\n\n---\n\n**Note:** _The `a*b`_, **[link](http://a.b/c)** "
    "snake_case\ngoes *on\nhere*, too.\r\n\r\nAnd **there**.",
]


def shown(html):
    """The text that people see, without white space."""
    tags = re.sub(r"<math.*?</math>", "∑", "".join(html))
    return re.sub(r"\s", "", unescape(re.sub(r"<[^>]*>", "", tags)))


@pytest.mark.parametrize("text", TEXTS)
def test_nothing_is_shown_that_the_finished_text_does_not_have(text):
    growing, last = Growing(), shown(blocks(text))
    for end in range(len(text) + 1):
        unfinished = growing.unfinished(text[:end])
        growing.update(text[:end], positioned_blocks(closed(unfinished)))
        assert last.startswith(shown(growing.blocks)), text[:end]
    growing.update(text, positioned_blocks(growing.unfinished(text)))
    assert growing.blocks == blocks(text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **b", "<p>a <strong>b</strong></p>"),
        ("a `b", "<p>a <code>b</code></p>"),
        ("a [b](htt", "<p>a b</p>"),
        ("a **b [c *d", "<p>a <strong>b c <em>d</em></strong></p>"),
        ("it cost $5, and 2 * 3 is 6", "<p>it cost $5, and 2 * 3 is 6</p>"),
        ("we made $$$ there", "<p>we made $$$ there</p>"),
    ],
)
def test_what_is_open_is_closed(text, html):
    assert [each for _, each in positioned_blocks(closed(text))] == [html]


@pytest.mark.parametrize(
    "text", ["one\n\n", "```\n**a", "    *a", "word " * 1_000 + "**a", "A *b* `c` [d](e:f) 2 * 3."]
)
def test_what_is_finished_or_code_is_left_alone(text):
    assert closed(text) == text
