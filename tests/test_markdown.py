import random
import re
import time
from html import unescape

import pytest

from chat.markdown import MAX_HIGHLIGHTED, Growing, blocks, highlight_code, page

CORPUS = """\
# A title with `code`, *emphasis* and 👋 emoji

A paragraph
of two lines, with a [link](https://example.com/?a=1&b=2 "title"), <https://auto.example> and \
![a picture](https://example.com/p.png).

Setext heading
==============

- a list
- of two

  with a second paragraph

  ```python
  def nested(): return "in a list"
  ```
* another list
1. and a third

   > quoted
   lazily
2. end

```python
def f(x: int) -> str:
    return "<b>" + str(x)  # comment

# not a heading
```

~~~
tilde ``` fence
~~~

    indented code

    more of it

> # A quote
> with a paragraph
and a lazy line

| a | b |
|:--|--:|
| 1 | `x` |
| ~~2~~ | **3** |

***

<div onclick="evil()">
raw *html*
</div>

<script>

alert(1)

</script>

Maths $x^2$ and \\(y\\), and a break\\
here.  \nThe end.

- [ ] to do
- [x] done

```js
unfinished("fence");
"""


def test_it_divides_into_top_level_blocks():
    assert blocks("# One\n\ntwo\n\n- a\n- b\n\n> c") == [
        "<h1>One</h1>",
        "<p>two</p>",
        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>",
        "<blockquote>\n<p>c</p>\n</blockquote>",
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\n"])
def test_it_makes_nothing_of_blanks(text):
    assert blocks(text) == [] and page(text) == ""


def test_it_wraps_each_block_for_the_page():
    html = '<div class="block"><p>a</p></div><div class="block"><p>b</p></div>'
    assert page("a\n\nb") == html


# Safe

ATTRIBUTES = "class|tabindex|data-language|display|[lr]space|stretchy"
TAGS = "div|p|ul|ol|li|blockquote|table|thead|tbody|tr|t[hd]|pre|code|h1|span|math|m[ion]"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<div onclick='x()'>\n\nhi</div>",
        "- <iframe src='http://evil'></iframe>",
        "> <style>*{display:none}</style>",
        "| <b>a</b> |\n|---|\n| <svg onload=x()> |",
        "```html\n<script>x()</script>\n```",
        "<!-- comment --><?php x() ?><![CDATA[x]]>",
        "text\n<details open ontoggle=x()>",
        "$<script>$ \\[<script>\\]",
        '``` "onmouseover=x()<script>\ncode\n```',
        "# <marquee>\n<form action=x>\n===",
    ],
)
def test_it_shows_raw_html_as_text(text):
    html = page(text)
    rest = re.sub(
        rf'</?(?:{TAGS})(?: (?:{ATTRIBUTES})="[^"<>]*")*>',
        "",
        html,
    )
    assert "<" not in rest and "&lt;" in rest + "".join(re.findall('class="language-.*"', html))


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "&#106;avascript:alert(1)",
        "vbscript:x",
        "data:text/html;base64,PHNjcmlwdD4=",
        "file:///etc/passwd",
    ],
)
@pytest.mark.parametrize("form", ["[a]({})", "[a](<{}>)", "<{}>", "[a][1]\n\n[1]: {}", "![a]({})"])
def test_it_kills_links_to_scripts(target, form):
    assert "href=" not in page(form.format(target))
    assert "src=" not in page(form.format(target))


def test_it_opens_links_outside_and_tells_nothing():
    assert blocks("[a](https://example.com)") == [
        '<p><a rel="noopener noreferrer nofollow" target="_blank" href="https://example.com">a</a></p>'
    ]


def test_it_links_addresses():
    assert 'href="https://example.com"' in page("see https://example.com now")


def test_it_makes_links_of_images():
    html = page("![a *cat*](https://example.com/?q=secret)")
    assert "<img" not in html and 'href="https://example.com/?q=secret">a cat</a>' in html


def test_it_shows_the_address_of_an_image_without_a_name():
    assert ">https://example.com/p.png</a>" in page("![](https://example.com/p.png)")


def test_it_does_not_nest_an_image_that_is_a_link():
    html = page("[![cat](https://example.com/p.png)](https://example.com/)")
    assert html.count("<a ") == 1 and "p.png" not in html


@pytest.mark.parametrize("alt", ['"', "<", ">", "&", "]\\[", '`"><script>`'])
def test_it_makes_links_of_images_with_any_name(alt):
    html = page(f"![x{alt}y](https://example.com/p.png)")
    assert "<img" not in html and "<script" not in html


def test_it_gives_no_positions_away():
    assert "sourcepos" not in page(CORPUS)


# Code


def test_it_highlights_a_finished_block():
    html = page("```python\nx = 1\n```")
    assert (
        '<pre tabindex="0" class="highlight" data-language="Python">'
        '<code class="language-python"><span class="n">x</span>' in html
    )


def test_it_leaves_code_of_an_unknown_language_plain():
    assert page("```klingon\nx < 1\n```").count("x &lt; 1") == 1


def test_it_leaves_long_code_plain():
    assert "highlight" not in page("```python\n" + "x = 1\n" * (MAX_HIGHLIGHTED // 6 + 1) + "```")


def test_it_changes_nothing_in_code_but_colour():
    code = "a = \"<&>\"\n\n\n  '👋'\n"
    html = highlight_code(blocks(f"```python\n{code}```")[0])
    assert unescape(re.sub(r"<[^>]*>", "", html)) == code


# Formulas


@pytest.mark.parametrize("text", ["$x^2$", r"\(x^2\)", "$`x^2`$"])
def test_it_shows_a_formula_within_a_line(text):
    formula = "<math><msup><mi>x</mi><mn>2</mn></msup></math>"
    assert page(f"so {text} is") == f'<div class="block"><p>so {formula} is</p></div>'


@pytest.mark.parametrize("text", ["$$x<y$$", "$$\nx<y\n$$", r"\[x<y\]", "```math\nx<y\n```"])
def test_it_shows_a_formula_of_its_own_that_can_be_scrolled(text):
    html = page(text)
    assert '<p><span class="formula" tabindex="0"><math display="block"><mi>x</mi>' in html


def test_a_long_formula_within_a_line_can_be_scrolled():
    assert 'class="formula" tabindex="0"><math><mi>x</mi>' in page("so $x" + "+y" * 40 + "$ is")


@pytest.mark.parametrize(
    "text", ["costs $5 and $10 today", "$100k to $1M", "$ 5 $", "US$5-$10, $20"]
)
def test_amounts_of_money_are_no_formulas(text):
    assert page(text) == f'<div class="block"><p>{text}</p></div>'


@pytest.mark.parametrize("source", [r"\frac{", r"\href{javascript:x}{y}", "a & b", r"\nonsense"])
def test_what_is_no_formula_stays_source(source):
    assert f"<code>{source.replace('&', '&amp;')}</code>" in page(f"so ${source}$ is")


# Growing


def grown(text, sizes):
    growing, seen = Growing(), 0
    for size in sizes:
        seen += size
        growing.update(text[:seen])
    growing.update(text)
    return growing.blocks


@pytest.mark.parametrize("seed", range(40))
def test_it_grows_to_the_same_blocks(seed):
    chance = random.Random(seed)
    longest = chance.choice([1, 3, 20, 200])
    sizes = [chance.randint(1, longest) for _ in range(len(CORPUS))]
    assert grown(CORPUS, sizes) == blocks(CORPUS)


@pytest.mark.parametrize("seed", range(20))
def test_it_grows_to_the_same_blocks_in_any_order_of_paragraphs(seed):
    chance = random.Random(seed)
    parts = CORPUS.split("\n\n")
    text = "\n\n".join(chance.sample(parts, len(parts)))
    assert grown(text, [chance.randint(1, 9) for _ in text]) == blocks(text)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_it_grows_by_all_ends_of_lines(end):
    text = CORPUS.replace("\n", end)
    assert grown(text, [1] * len(text)) == blocks(text)


def test_it_says_from_where_on_blocks_may_have_changed():
    growing = Growing()
    assert [growing.update("one\n\ntwo"), growing.update("one\n\ntwo\n\nthree\n")] == [0, 0]
    assert growing.update("one\n\ntwo\n\nthree\nfour") == 2


def test_code_has_the_name_of_its_language_before_it_is_highlighted():
    name = 'data-language="C++"'
    (block,) = blocks("- code\n\n  ```cpp,ignore title=x\n  int x;\n  ```")
    assert name in block and "highlight" not in block
    assert name in highlight_code(block)
    assert "data-language" not in page("```klingon\nnuqneH\n```") + page("```\nx\n```")


def test_it_highlights_only_what_is_finished():
    growing = Growing()
    growing.update("```python\nx = 1\n```\n")
    assert not growing.has_new_code(0)
    first = growing.update("```python\nx = 1\n```\nnext\n\n```python\ny = 2\n")
    assert growing.has_new_code(first)
    growing.highlight_finished(first)
    assert ["highlight" in block for block in growing.blocks] == [True, False, False]


# Bounded


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 20_000,
        "[" * 50_000,
        "*a **a " * 20_000,
        "`" * 50_000 + "a",
        "> " * 10_000 + "a",
        "- " * 5_000 + "a",
        "![a](b" * 20_000,
        "<a " * 50_000,
        "&lt;" * 50_000,
        "|" * 20_000 + "\n" + "|-" * 10_000,
        "e\u0301\u0323" * 30_000,
        "\n" * 100_000,
        "$" * 50_000,
        "$x^2$ " * 5_000,
        "x\n\n" * 20_000,
        "<b>\n\n" * 10_000,
    ],
    ids=lambda text: text[:8],
)
def test_it_takes_bad_luck_in_bounded_time(text):
    begun = time.process_time()
    page(text)
    assert time.process_time() - begun < 2
