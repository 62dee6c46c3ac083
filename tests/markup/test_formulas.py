import time

import pytest

from chat.markup.formulas import LONGEST, mathml


def show(source):
    return mathml.__wrapped__(source, is_display=True)


def test_text_in_a_formula_stays_text():
    assert "<mtext>&lt;b&gt;x&lt;/b&gt;</mtext>" in show(r"\text{<b>x</b>}")


def test_columns_keep_their_sides_without_inline_styles():
    html = show(r"\begin{align} a &= b \\ &= c \end{align}")
    assert 'class="to-end"' in html and " style=" not in html


def test_lines_of_an_array_are_kept():
    assert 'class="line-behind"' in show(r"\begin{array}{c|c} a & b \end{array}")


@pytest.mark.parametrize("source", [r"\color{red}x", r"\textcolor{blue}{x}"])
def test_it_brings_no_colours(source):
    assert "style" not in show(source) and "color" not in show(source)


@pytest.mark.parametrize(
    "source",
    [r"\kern99em x", r"\hspace{-99em}x", r"\genfrac{}{}{99em}{}{a}{b}", "x" * (LONGEST + 1)],
)
def test_it_does_not_reach_out_of_its_place(source):
    assert "99" not in (show(source) or "")


@pytest.mark.parametrize(
    "source",
    [
        "(" * 1_000,
        "{(}" * 500,
        r"\bigl(" * 300,
        r"\langle" * 280,
        r"\langle \Big] " * 100,
        r"\mathopen{x}" * 150,
        "⟨" * 1_000,
        r"\begin{matrix}(&" * 100,
        r"\pmod^x_y " * 150,
        "{" * 1_000 + "}" * 1_000,
        r"\sqrt{" * 280 + "x" + "}" * 280,
        r"\sqrt " * 330 + "x",
        r"x^{" * 400 + "}" * 400,
        r"\left(" * 150 + r"\right)" * 130,
        r"\color{red}" * 180,
        r"\newcommand{\a}{\a\a}\a",
        r"\begin{align}" + r"\\" * 900 + r"\end{align}",
        "'" * 2_000,
    ],
    ids=lambda source: source[:12],
)
def test_it_takes_bad_luck_in_bounded_time(source):
    begun = time.process_time()
    show(source)
    assert time.process_time() - begun < 1


def test_brackets_that_are_closed_may_be_many():
    assert show(r"f(x) + \left[0, 1\right) + [0, 1) " * 20)


def test_intervals_that_are_half_open_are_shown():
    assert show(r"x \in [0, 1) \cup (2, 3]")


def test_it_takes_no_commands_that_it_is_taught():
    assert show(r"\newcommand{\a}{(}\a") is None and show(r"a \bullet b") is not None
