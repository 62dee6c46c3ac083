"""A person's own text on the page."""

from html.parser import HTMLParser

import pytest

from chat.markup import is_long, written

CODE = "See:\n```python\nif a < b:\n    pass\n```\nWhy?"


class Read(HTMLParser):
    """The text of some HTML, and what of it is in each kind of element."""

    def __init__(self, html):
        super().__init__()
        self.text, self.inside, self._open = "", {}, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, _):
        self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.text += data
        for tag in self._open:
            self.inside[tag] = self.inside.get(tag, "") + data


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (CODE, "if a < b:\n    pass\n"),
        ("~~~\na\n```\nb\n~~~~ \n", "a\n```\nb\n"),
        ("````\n```\n````", "```\n"),
        ("  ```\r\na\r\n```", "a\r\n"),
        ("```\n```", ""),
        ("```\na\n```\n```\nb\n```", "a\nb\n"),
        ("```\nnever closed", ""),
        ("```not a fence```\n```", ""),
        ("    ```\na\n    ```", ""),
        ('<b>**bold** <!-- "</div>"', ""),
        ("", ""),
    ],
)
def test_only_what_is_between_fences_is_code_and_nothing_is_lost(text, code):
    read = Read(written(text))
    assert (read.text, read.inside.get("pre", "")) == (text, code)
    assert read.inside.keys() <= {"pre", "code", "span"}


@pytest.mark.parametrize(
    ("text", "long"),
    [("word " * 200, False), ("word " * 300, True), ("a\n" * 19, False), ("\n" * 20, True)],
)
def test_a_long_text_takes_many_lines(text, long):
    assert is_long(text) == long
