import re
import time
from html import unescape

import pytest

from chat.markup import MAX_HIGHLIGHTED, blocks, highlight_code, is_costly, page, plain
from chat.markup.code import MAX_HIGHLIGHTED_IN_ALL

from ..html import forbidden, parsed, text_of
from ..tools.bombs.hostile import RAW

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
        "<h3>One</h3>",
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


@pytest.mark.parametrize("text", RAW)
def test_it_shows_raw_html_as_text(text):
    told = "".join(pre.get("data-language") or "" for pre in parsed(page(text)).iter("pre"))
    assert forbidden(page(text)) == [] and "<" in text_of(page(text)) + told


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
    assert blocks('[a.example](https://a.example "title")') == [
        '<p><a href="https://a.example" target="_blank" rel="noopener noreferrer nofollow">'
        "a.example</a></p>"
    ]


@pytest.mark.parametrize(
    "target",
    [
        *("", "#", "#top", "?q", "/accounts/logout/", "a/b", "//a.example", "\\\\a.example"),
        *("https:a", "https:/a", "https:///a", "https://", "https://?a", "https://a@b.example"),
        *("https://a:b@c", "https://a.example\\\\@b.example", "https://a%2Fb", "https://a%40b"),
        *("https://a:999999/", "https://%ff.example", "https://%C0%AF", "https://a..b"),
        *("https://" + "ä" * 300, "https://" + "a" * 300, "ftp://a.b", "java&#10;script:x", "//@a"),
        *("https://%00a", "https://a%09b", "https://[x]/", "https://a;b/", "tel:1", "data:,x"),
        *("mailto:", "mailto:a", "mailto:a@b,c@d", "xmpp:a@b.example"),
    ],
)
@pytest.mark.parametrize("form", ["[a](<{}>)", "![a](<{}>)"])
def test_it_follows_no_other_addresses(target, form):
    assert "<a" not in page(form.format(target)) and ">a<" in page(form.format(target))


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("[bank.example](https://evil.example/)", "evil.example"),
        ("[https://bank.example](https://bank.example.evil.example/)", "bank.example.evil.example"),
        ("[a](HTTPS://EVIL.example:8443/a)", "evil.example:8443"),
        ("[bаnk.example](https://bаnk.example/)", "xn--bnk-6cd.example"),  # noqa: RUF001
        ("https://bаnk.example/", "xn--bnk-6cd.example"),  # noqa: RUF001
        ("[a](https://%65vil.example)", "evil.example"),
        ("[a](http://[::1]/x)", "[::1]"),
        ("[ ](https://evil.example)", "evil.example"),
        ("[evil.example bank.example](https://evil.example)", "evil.example"),
        ("[evil.example.bank.example](https://evil.example)", "evil.example"),
        ("[\u202eelpmaxe.knab](https://evil.example)", "evil.example"),
        ("[a@bank.example](mailto:b@evil.example?subject=x)", "b@evil.example"),
        ("![a](https://evil.example/p.png)", "evil.example"),
        ("[![a](b.png)](https://evil.example/)", "evil.example"),
    ],
)
def test_it_tells_where_a_link_leads(link, told):
    assert f' <bdi class="host">({told})</bdi></a>' in page(link)


@pytest.mark.parametrize(
    "link",
    [
        *("https://a.example/b?c#d", "<http://A.example>", "www.a.example/b", "b@a.example"),
        *("[a.example](https://a.example/b)", "[`A.example/b`](https://a.example/b)"),
        *("[https://a.example](https://a.example)", "[a.example/](http://a.example/)"),
    ],
)
def test_a_link_that_tells_it_itself_is_left_alone(link):
    assert "<a href" in page(link) and "host" not in page(link)


def test_it_links_addresses():
    assert 'href="https://example.com"' in page("see https://example.com now")


def test_it_makes_links_of_images():
    html = page("![a *cat*](https://example.com/?q=secret)")
    assert "<img" not in html and 'href="https://example.com/?q=secret"' in html
    assert ">a cat <bdi" in html


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


def test_it_highlights_only_so_much_code_of_a_text():
    text = ("```text\n" + "x" * 15_000 + "\n```\n") * 8
    assert page(text).count('class="highlight"') == MAX_HIGHLIGHTED_IN_ALL // 15_100


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


def test_code_has_the_name_of_its_language_before_it_is_highlighted():
    name = 'data-language="C++"'
    (block,) = blocks("- code\n\n  ```cpp,ignore title=x\n  int x;\n  ```")
    assert name in block and "highlight" not in block
    assert name in highlight_code(block)


@pytest.mark.parametrize(
    ("written", "language", "css"),
    [
        ("klingon", "klingon", None),
        ("python,ignore", "Python", "language-python"),
        ("Python x", "Python", "language-python"),
        ("python&#32;x", "Python", "language-python"),
        ("highlight", "highlight", None),
        ('x"onclick=y', 'x"onclick=y', None),
        ("x" * 99, "x" * 40, None),
        ("", None, None),
        (",", None, None),
    ],
)
def test_a_fence_gives_no_class_but_its_own(written, language, css):
    (pre,) = parsed(page(f"```{written}\nx\n```")).iter("pre")
    assert pre.get("data-language") == language
    assert pre[0].get("class") == css and pre.get("class") == (css and "highlight")


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


# As it was written


@pytest.mark.parametrize(
    "text",
    [
        "|a" * 900 + "\n" + "|-" * 900 + "\n" + "|\n" * 900,
        "|a" * 900 + "\n" + "|\v-" * 900 + "\n" + "|\n" * 900,
        "a@b.c " * 26_208,
        "\\(x" * 20_000,
        "http://a.b/" + ")" * 60_000,
        "> " * 1_000 + "a",
        "*a " * 150 + "b* " * 150,
        ">" * 60_000,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_would_cost_too_much_is_shown_as_it_was_written(text, end):
    text = text.replace("\n", end)
    html = page(text)
    assert '<div class="plain">' in html and len(html) < 5 * len(text) + 100
    assert text_of(html) == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_stands_before_it_is_rendered(end):
    head, bomb = f"*one*{end}{end}*two*{end} {end}", f"a@b.c{end}" * 2_000
    *before, plain = blocks(head + bomb)
    assert before == ["<p><em>one</em></p>", "<p><em>two</em></p>"]
    assert plain == f'<div class="plain">{bomb}</div>'


def test_only_the_block_that_is_too_deep_is_shown_as_it_was_written():
    one, deep, other = blocks("*one*\n\n" + "> " * 200 + "*two*\n\n*three*")
    assert one == "<p><em>one</em></p>" and other == "<p><em>three</em></p>"
    assert '<div class="plain">&gt; ' in deep and "*two*" in deep


TABLE = "|a" * 10 + "\n" + "|-" * 10 + "\n" + "a\n" * 35 + "\n"


def test_a_block_that_would_be_too_large_is_shown_as_it_was_written():
    small, large = blocks(TABLE + "# b\n" + TABLE.strip() + "\na" * 300)[::2]
    assert small.startswith("<table>") and large.startswith('<div class="plain">|a|a')


def test_a_page_that_would_be_too_large_is_shown_as_it_was_written():
    assert "<table>" in page(TABLE) and page(TABLE * 20) == plain(TABLE * 20)


def test_ordinary_texts_are_not_costly():
    table = "| a | b | c |\n|---|:-:|--:|\n" + "| 1 | $2 | [x](https://a.example) |\n" * 300
    code = "```json\n" + '{"a": [1, 2, {"b": "c@d.example"}]},\n' * 600 + "```\n"
    maths = r"So \(a^2 + b^2\) is $c^2$, see https://a.example (or www.b.example)." + "\n"
    assert not is_costly((CORPUS + table) * 3 + code + "\n" + (maths * 8 + "\n") * 80)
