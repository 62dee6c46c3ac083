"""What is hard on a page: long words and lines, formulas, zoom, paper, other sizes of text."""

import pytest
from playwright.sync_api import expect

from ..double import ENDING, Reasoning, Text, WaitFor, answer
from .browser import PHONE, box, expect_state, prose, reply, send

pytest_plugins = ["tests.live.browser"]
ZOOMED = {"width": 320, "height": 256}  # 1280 by 1024 at 400 %
FORMULA = r"\frac{a_1 + b_1}{c_1} + " * 30 + "x"
EXTREMES = f"""\
# שלום {"x" * 2_000}

مرحبا بالعالم، هذا نص من اليمين إلى اليسار with some English in it.

Inline $e^{{i\\pi}} + 1 = 0$ and a price of $5 and $10.

$$\\int_0^\\infty e^{{-x^2}}\\,dx = \\frac{{\\sqrt{{\\pi}}}}{{2}}$$

\\[\\begin{{align}} f(x) &= (x + 1)^2 \\\\ &= x^2 + 2x + 1 \\end{{align}}\\]

\\[\\begin{{pmatrix}} a & b \\\\ c & d \\end{{pmatrix}} \\cdot \\boxed{{x}}\\]

$${FORMULA}$$

```python
print("{"y" * 10_000}")
```

|{"wide column|" * 30}
|{"---|" * 30}
|{"cell|" * 30}

See [the manual](https://docs.example.com/manual).
"""
WIDTH = "document.documentElement.scrollWidth"
SCROLLS = """element => {
  element.scrollLeft = 50;
  return element.scrollLeft !== 0 && element.clientWidth <= document.documentElement.clientWidth;
}"""


@pytest.fixture
def zoomed(visits):
    page = visits.begin(viewport=ZOOMED)
    page.goto("/chat/")
    return page


def test_at_400_percent_nothing_has_to_be_scrolled_sideways_but_by_itself(zoomed, model):
    model.script(*answer(EXTREMES))
    send(zoomed, "z" * 2_000)
    expect_state(zoomed, "complete")
    assert zoomed.evaluate(WIDTH) == ZOOMED["width"]
    for wide in ("pre", "table", ".formula >> nth=-1"):
        assert prose(zoomed).locator(wide).evaluate(SCROLLS), wide


def test_a_wide_formula_is_within_reach_of_the_keyboard(page, model):
    model.script(*answer(f"$${FORMULA}$$"))
    send(page)
    expect_state(page, "complete")
    formula = prose(page).locator(".formula")
    formula.focus()
    expect(formula).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(formula.locator("math")).to_be_visible()


def test_a_formula_appears_where_its_source_was(page, model, gate):
    model.script(Text("So $x^2$ is, and $$y"), WaitFor(gate), Text("^2$$\n\nEnd."), *ENDING)
    send(page)
    expect(prose(page).locator("math")).to_have_count(1)
    expect(prose(page)).not_to_contain_text("$")
    gate.set()
    expect_state(page, "complete")
    expect(prose(page).locator("math[display=block]")).to_have_count(1)
    expect(prose(page)).not_to_contain_text("$")


def test_thoughts_are_folded_above_the_reply(page, model, gate):
    model.script(Reasoning("I *think*."), WaitFor(gate), Text("So.\n\n    code"), *ENDING)
    send(page)
    expect(reply(page).get_by_text("The model is thinking…")).to_be_visible()
    gate.set()
    expect_state(page, "complete")
    thoughts = reply(page).locator("details.thoughts")
    expect(thoughts.locator("em")).to_be_hidden()
    expect(reply(page).locator(".code-bar")).to_have_count(1)
    thoughts.locator("summary").click()
    expect(thoughts.locator("em")).to_have_text("think")
    expect(prose(page)).to_contain_text("So.")


def test_long_lines_of_code_can_be_wrapped(page, model):
    model.script(*answer(f"```python\nprint('{'y ' * 2_000}')\n```\n\nEnd."))
    send(page)
    expect_state(page, "complete")
    bar, code = reply(page).locator(".code-bar"), prose(page).locator("pre")
    expect(bar).to_contain_text("Python")
    wrap = bar.get_by_role("button", name="Wrap")
    assert code.evaluate(SCROLLS)
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "true")
    assert not code.evaluate(SCROLLS)
    wrap.click()
    expect(wrap).to_have_attribute("aria-pressed", "false")


def test_on_paper_there_is_text_and_nothing_to_press(page, model):
    model.script(*answer(EXTREMES))
    send(page)
    expect_state(page, "complete")
    page.emulate_media(media="print", color_scheme="dark")
    expect(box(page)).to_be_hidden()
    expect(page.get_by_role("button")).to_have_count(0)
    assert not prose(page).locator("pre").evaluate(SCROLLS)
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    assert page.pdf().startswith(b"%PDF")


def test_text_has_the_size_that_the_browser_is_set_to(page, model):
    model.script(*answer("One `two`\n\n```\nthree\n```"))
    send(page)
    expect_state(page, "complete")
    sizes = """() => [...document.querySelectorAll("chat-reply *, footer *, textarea")].map(
      (element) => parseFloat(getComputedStyle(element).fontSize))"""
    before = page.evaluate(sizes)
    page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
    assert [each / 2 for each in page.evaluate(sizes)] == pytest.approx(before)


@pytest.mark.parametrize("lines", [12, 40])
def test_a_chat_opens_at_its_end(page, visits, model, lines):
    """Also in the frame in which its replies may first be left out, and are."""
    model.script(*answer("A line of it.\n\n" * lines))
    send(page)
    expect_state(page, "complete")
    phone = visits.begin(viewport=PHONE)
    phone.goto(page.url)
    expect(phone.locator(".from-model.is-sized")).to_be_visible()
    left_out = "reply => parseFloat(getComputedStyle(reply).containIntrinsicBlockSize.slice(5))"
    assert abs(reply(phone).evaluate(left_out) - reply(phone).bounding_box()["height"]) < 1
    end = "scrollY + innerHeight - document.documentElement.scrollHeight"
    assert phone.evaluate(end) >= -1
    expect(phone.locator("#newest")).to_be_hidden()
