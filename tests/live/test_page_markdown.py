"""What replies look like: code, text that would like to be HTML, other scripts, long words."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Text, WaitFor, answer
from .browser import PHONE, box, expect_state, grew_to, prose, reply, send

pytest_plugins = ["tests.live.browser"]
CODE = '```python\nprint("hello")\n```\n'
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "Look: <b onclick=alert(1)>bold</b>",
    "<svg onload=alert(1)><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "[click](javascript:alert(1)) and [again](JaVaScRiPt&#58;alert(1))",
    "![x](javascript:alert(1)) and ![x](https://example.com/pixel.gif)",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "```<script>alert(1)</script>\n<img src=x onerror=alert(1)>\n```",
    '[a](https://example.com "onmouseover=alert(1)") <https://x/"onclick=alert(1)>',
    "<style>body { display: none }</style>",
    "<form action=https://example.com><input name=password></form>",
    "| a |\n|---|\n| <img src=x onerror=alert(1)> |",
    "[a]: javascript:alert(1)\n\n[a]",
]
ALLOWED = {
    *(
        "a",
        "bdi",
        "blockquote",
        "br",
        "code",
        "del",
        "div",
        "em",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "span",
    ),
    *("strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
    *("h3", "h4", "h5", "h6"),
}

LOOK = """reply => [...reply.querySelectorAll(":not(.code-bar, .code-bar *)")].map((element) => [
  element.localName,
  ...element.getAttributeNames().map((name) => `${name}=${element.getAttribute(name)}`),
])"""


def test_code_is_highlighted_as_soon_as_it_is_finished(page, model, gate):
    model.script(Text(CODE), WaitFor(gate), Text("\nThat was it."), *ENDING)
    send(page)
    expect(prose(page).locator("pre code")).to_have_text('print("hello")')
    expect(prose(page).locator("pre.highlight")).to_have_count(0)
    gate.set()
    expect_state(page, "complete")
    expect(prose(page).locator("pre.highlight .nb")).to_have_text("print")


def test_code_can_be_copied(page, model):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    model.script(*answer(CODE + "\nThat was it."))
    send(page)
    expect_state(page, "complete")
    bar = reply(page).locator(".code-bar")
    expect(bar).to_contain_text("Python")
    copy = bar.locator(".copy")
    copy.click()
    page.wait_for_function("() => document.querySelector('.copy').innerText.trim() == 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == 'print("hello")\n'


def test_code_has_one_button_after_a_reload(page, model):
    model.script(*answer(CODE))
    send(page)
    expect_state(page, "complete")
    expect(reply(page).locator(".code-bar")).to_have_count(1)
    page.reload()
    expect(reply(page).locator(".code-bar")).to_have_count(1)


def test_html_is_shown_as_text(page, model):
    model.script(*answer("Say <b>bold</b>.\n\n<div>\nraw\n</div>"))
    send(page)
    expect_state(page, "complete")
    expect(prose(page)).to_contain_text("Say <b>bold</b>.")
    expect(prose(page)).to_contain_text("<div>")


def test_hostile_text_stays_text(page, model):
    """While it streams, when it has ended, after a reload; and as the person's own message."""
    text = "\n\n".join(HOSTILE)
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    model.script(*answer(text, pieces=[text[i : i + 7] for i in range(0, len(text), 7)]))
    send(page, text)
    expect_state(page, "complete")
    _only_harmless_elements(page)
    page.reload()
    _only_harmless_elements(page)
    assert requests
    assert all(url.startswith(page.url.partition("/chat/")[0]) for url in requests)
    inside = page.locator("article.from-user .text *")
    names = inside.evaluate_all("elements => elements.map(({ localName }) => localName)")
    assert {*names} == {"pre", "code", "span"}


def _only_harmless_elements(page):
    elements = prose(page).evaluate(LOOK)
    assert {name for name, *_ in elements} <= ALLOWED
    attributes = [each for _, *rest in elements for each in rest]
    assert not [each for each in attributes if each.lower().startswith(("on", "style="))]
    links = [each for each in attributes if each.startswith(("href=", "src="))]
    assert links and all(each.startswith("href=https://") for each in links), links


def test_right_to_left_text_runs_from_the_right(page, model):
    model.script(*answer("שלום לכולם\n\nand English"))
    send(page, "مرحبا")
    expect_state(page, "complete")
    direction = "element => getComputedStyle(element).direction"
    assert page.locator("article.from-user .text").evaluate(direction) == "rtl"
    assert prose(page).evaluate(direction) == "rtl"
    first, second = prose(page).locator("p").all()
    assert _left_edge(page, first) > _left_edge(page, second)


def _left_edge(page, paragraph):
    """Where the words begin, not the box around them."""
    return paragraph.evaluate("""element => {
      const range = document.createRange();
      range.selectNodeContents(element);
      return range.getBoundingClientRect().left;
    }""")


WIDE = {
    "word": "x" * 2_000,
    "code": "```\n" + "x" * 2_000 + "\n```",
    "inline code": "`" + "x" * 2_000 + "`",
    "link": "https://example.com/" + "x" * 2_000,
    "table": "|" + "wide column|" * 30 + "\n|" + "---|" * 30 + "\n|" + "cell|" * 30,
    "heading": "# " + "x" * 2_000,
    "formula": "$$" + "x" * 2_000 + "$$",
}


@pytest.mark.parametrize("kind", WIDE)
def test_the_page_does_not_scroll_sideways_at_360_pixels(visits, model, kind):
    page = visits.begin(viewport=PHONE)
    model.script(*answer(WIDE[kind]))
    page.goto("/chat/")
    send(page, "y" * 2_000)
    expect_state(page, "complete")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_emoji_grow_whole(page, model, gate):
    text = "👩‍👩‍👧‍👦 and 🇪🇺 and é"
    model.script(Text(pieces=list(text[:9])), WaitFor(gate), Text(pieces=list(text[9:])), *ENDING)
    send(page)
    expect_state(page, "streaming")
    gate.set()
    expect_state(page, "complete")
    assert grew_to(page, text)


def test_selected_text_stays_selected_while_the_reply_grows(page, model, gate):
    model.script(Text("First block.\n\nSecond "), WaitFor(gate), Text("one."), *ENDING)
    send(page)
    expect(prose(page)).to_contain_text("Second")
    prose(page).locator("p").first.select_text()
    gate.set()
    expect_state(page, "complete")
    assert page.evaluate("String(getSelection())").strip() == "First block."
    expect(box(page)).to_have_value("")
