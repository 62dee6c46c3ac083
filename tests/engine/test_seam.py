"""Where a model that goes on meets the text that is stored."""

import random
import time

import pytest

from chat.provider.demo import _reply
from chat.seam import Seam
from chat.seam.repetition import Overlap

from ..double.continuing import COMPLETE, MANNERS, continuation

TEXTS = {
    "prose": (
        "Plants turn light into sugar. They take in water through their roots and carbon dioxide "
        "through their leaves, and give back oxygen.\n\nThat that is so was shown by Ingenhousz in "
        "1779. A candle in a jar went out, and a mouse died; beside a plant both went on.\n\n"
        "Today we know the two halves of it, and we can interrupt either one at will."
    ),
    "list": (
        "Three things to do first:\n\n1. Reload the page while it writes.\n2. Open a second tab "
        "beside it.\n3. Press the button that stops it.\n\n- milk and honey\n- bread of yesterday\n"
        "- eggs from the farm\n\nThat is all there is."
    ),
    "nested list": (
        "Plan:\n\n- Morning work\n  - read the mail of the night\n  - answer what is urgent\n"
        "    1. customers in trouble\n    2. colleagues who wait\n- Evening rest\n"
        "  - cook something simple\n  - go out for a walk"
    ),
    "table": (
        "The planets:\n\n| Planet  | Moons | Found by  |\n|---------|-------|-----------|\n"
        "| Mars    | 2     | Asaph Hall |\n| Jupiter | 95    | Galileo, Simon Marius |\n"
        "| Saturn  | 146   | Huygens, Cassini |\n\nMore are found each year."
    ),
    "steps": "".join(f"{n}. The {n}th step, which takes {n} minutes\n" for n in range(1, 25)),
    "rows": "| Harbour | High water |\n|---|---|\n"
    + "".join(f"| Harbour {n} | {n} hours |\n" for n in range(1, 12)),
    "code": (
        "It looks like this:\n\n```python\ndef total(rows, tax=0.19):\n    result = 0\n"
        "    for row in rows:\n        if row.price is None:\n            continue\n"
        "        result += row.price * (1 + tax)\n    return result\n\n\n"
        'print(total(load_rows("invoices.csv")))\n```\n\nCall it once a day, not more.'
    ),
    "German": (
        "Der Grundsatz ist einfach: Wer etwas verspricht, der hält es auch. Das gilt für große wie "
        "für kleine Dinge.\n\nIm Übrigen zählt die Geschwindigkeitsbegrenzung nicht, wenn niemand "
        "unterwegs ist, sagt man jedenfalls. Die Polizei sieht das anders, und wir sehen es ein."
    ),
}
# The first cell of a table may be empty: whether its "|" is repeated, no line above it tells.
AMBIGUOUS = "|"
REMARKS = [
    "Sure, continuing from where I left off:\n\n",
    "Sure! Here's the rest of the answer:",
    "Continuing:\n",
    "…",
    "Apologies for the cut-off. ",
    "I apologize for the interruption. Let me continue:\n\n",
    "Okay, I'll pick up where I left off.\n\n",
    "(continued)\n\n",
    "**Continuing:**\n\n",
    "Natürlich, hier ist der Rest:\n\n",
    "Entschuldigung für die Unterbrechung. Hier geht es weiter:\n\n",
    "Bien sûr, voici la suite :\n\n",
    "Désolé pour la coupure. Je continue :\n\n",
]
COMPLETE_ALREADY = [
    COMPLETE,
    "The answer was already complete.",
    "The answer was already complete. Let me know if you have any questions.",
    "Die Antwort ist bereits vollständig.",
    "La réponse était déjà complète.",
]
REAL = [
    ("He said that", " that is so."),
    ("ha ha ha", " ha ha"),
    ("ha ha ", "ha ha ha!"),
    ("Press", "Continue."),
    ("FILTERE", "D: the filter"),
    ("It may.\n\n", "Yes: it may."),
    ("while I write. ", "I go on where you left off."),
    ("Ask him: ", "Sure! But note that"),
    ("This is so.", " Sure. I know."),
    ("so.", "Let me know if you have any questions."),
    ("foo", "The answer is complete. However, one thing: 3 is odd."),
    ("1. one\n2. ", "1. nested"),
    ("20. x\n21. y\n2", "2. z"),
    ("| a | b |\n|---|---|\n| ", "| 2 |\n| 3 | 4 |"),
    ("if x {\n    }\n", "    }\n}"),
    ("```py\ndef f():\n    pass\n", "    pass\n\ndef g"),
    ("| a | b |\n|---|---|\n| 1 | 2 |\n", "| 1 | 2 |\n| 3 | 4 |"),
    ("```py\nfoo(x)\n", "```\n\nThat is all."),
    ("```\nfoo(x)\nbar(something)\n", "```\n\nDone here."),
    ("bonbon, cher", "cher"),
    ("the cat", "sat"),
    ("the cat", "\n\nsat"),
    ("Git", "Hub is"),
    ("a" * 2000, "a" * 500),
    ("hi", "\n\n\n"),
    ("", "Sure, continuing:\n\nHello"),
]
NOT_REAL = [
    ("it was inter", "interrupted by", "rupted by"),
    ("Th", "The cat", "e cat"),
    ("a long sentence of words", "Sure! a long sentence of words and more", " and more"),
    ("the end of this sentence", "…the end of this sentence is near", " is near"),
    ("| a | b |\n", "Sure:\n\n| c | d |", "| c | d |"),
    ("| a | b |\n|---|---|\n| 1 | 2 |", "Sure:\n\n| 3 | 4 |", "\n| 3 | 4 |"),
    ("| a | b |\n|---|---|\n| 1 | 2 |\n", "| a | b |\n|---|---|\n| 3 | 4 |", "| 3 | 4 |"),
    ("- one thing\n- two", "Here's the rest:\n\n- three", "\n- three"),
    ("- milk\n", "- milk\n- eggs", "- eggs"),
    ("on the mat.", "Certainly!\n\nThe dog barked.", " The dog barked."),
    ("The cat sat here. The cat", "Sure, continuing:\n\nsat. The cat", " sat. The cat"),
    ("```python\nx = 1\n", "```python\ny = 2\n```\n", "y = 2\n```\n"),
    ("```py\nfoo(x)\nbar(something)\n", "```\nbar(something)\nbaz()\n```", "baz()\n```"),
    ("```py\nif x:\n    ", "Sure:\n\n```py\n    y()", "y()"),
    ("```\nx\n```", "```python\ny\n```", "\n\n```python\ny\n```"),
]
TOP = "An opening sentence of the answer that is long enough.\n\n"
STRANGE = ["a", "ab", "\n", "x\n\n", "| a |\n", "```\n", "Sure! ", "Sure, the ", "a" * 999 + "b"]
LONG = 200_000  # characters
SLOW = 3.0  # seconds; each takes about half a second


def joined(stored, answer, size=0):
    seam = Seam(stored)
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)] if size else [answer]
    return "".join([*map(seam.take, pieces), seam.rest()])


def is_ambiguous(stored):
    above, _, line = stored.rpartition("\n")
    return line.strip() == AMBIGUOUS and not above.rpartition("\n")[2].startswith("|")


@pytest.mark.parametrize("manner", MANNERS[:-1])
@pytest.mark.parametrize("kind", TEXTS)
def test_wherever_it_was_cut_the_whole_is_the_text(kind, manner):
    text, wrong = TEXTS[kind], []
    for cut in range(1, len(text)):
        stored = text[:cut]
        whole = stored + joined(stored, continuation(text, stored, manner))
        if whole != text and not is_ambiguous(stored):
            wrong.append((stored[-30:], whole[cut : cut + 30]))
    assert not wrong


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("kind", TEXTS)
def test_the_pieces_in_which_it_arrives_change_nothing(kind, manner):
    text, dice = TEXTS[kind], random.Random(kind + manner)
    for cut in dice.sample(range(1, len(text)), 20):
        stored = text[:cut]
        answer = continuation(text, stored, manner)
        for size in (1, dice.randint(2, 9), dice.randint(10, 99)):
            assert joined(stored, answer, size) == joined(stored, answer)


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("remark", REMARKS)
def test_a_remark_is_not_stored(remark, kind):
    stored, rest = "The cat and the dog", " sat on the mat.\n\n" + TEXTS[kind]
    assert joined(stored, remark + rest) == rest


@pytest.mark.parametrize("remark", REMARKS)
def test_nor_is_it_with_a_repetition_behind_it(remark):
    stored = "Once there was a cat that sat on the mat"
    assert joined(stored, f"{remark}a cat that sat on the mat and slept") == " and slept"


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("remark", COMPLETE_ALREADY)
def test_that_it_is_complete_adds_nothing(remark, kind):
    text = TEXTS[kind]
    assert joined(text, remark) == joined(text[:150], remark) == ""


@pytest.mark.parametrize(("stored", "answer"), REAL)
def test_what_is_real_is_left_as_it_is(stored, answer):
    assert joined(stored, answer) == joined(stored, answer, size=1) == answer


@pytest.mark.parametrize(("stored", "answer", "new"), NOT_REAL)
def test_what_is_not_real_is_cut(stored, answer, new):
    assert joined(stored, answer) == joined(stored, answer, size=1) == new


def test_an_answer_written_anew_begins_with_the_block_that_differs():
    stored, answer = f"{TOP}The second part goes", f"{TOP}The second thing differs."
    assert joined(stored, answer) == "\n\nThe second thing differs."


def test_an_answer_written_anew_leaves_the_fence_first():
    stored, answer = f"{TOP}```py\nx = 1\ny", f"{TOP}```py\nx = 1\nz\n```\nEnd."
    assert joined(stored, answer) == "\n```\n\n```py\nx = 1\nz\n```\nEnd."


def test_the_demo_goes_on_exactly():
    text = _reply("What can you do?")
    assert all(text[:cut] + joined(text[:cut], text[cut:]) == text for cut in range(len(text)))


def test_a_text_that_repeats_itself_may_go_on_doing_so():
    text = TEXTS["prose"] * 4
    for cut in range(len(TEXTS["prose"]) + 50, len(text), 7):
        assert joined(text[:cut], text[cut:]) == text[cut:]


def test_it_holds_back_nothing_that_is_new():
    seam = Seam("The cat sat on the mat")
    assert seam.take(" and then it") == " and then it"
    piece = "Sure, continuing:\n\n"
    assert seam.take(piece) is piece
    assert seam.rest() == ""


def test_a_beginning_that_is_written_once_more_and_stops_adds_nothing():
    assert joined(TEXTS["prose"], TEXTS["prose"][:200]) == ""


def test_what_it_reads_again_is_not_kept():
    overlap = Overlap(TEXTS["prose"])
    assert all(map(overlap.feed, TEXTS["prose"][:-1]))
    assert not overlap.last
    assert not overlap.feed(TEXTS["prose"][-1])
    assert overlap.length == len(TEXTS["prose"])


@pytest.mark.parametrize("unit", STRANGE)
def test_nothing_takes_long(unit):
    text = (unit * LONG)[:LONG]
    begun = time.process_time()
    for stored, answer in [(text, text), (text + "!", text), (text, "Sure! " + text), ("x", text)]:
        joined(stored, answer)
    assert time.process_time() - begun < 4 * SLOW


@pytest.mark.parametrize("seed", range(20))
def test_among_texts_of_two_letters_it_finds_the_longest_overlap(seed):
    dice = random.Random(seed)
    stored, new = ("".join(dice.choices("ab", k=size)) for size in (60, 30))
    new = stored[-dice.randint(1, 20) :] + new
    overlap = Overlap(stored)
    if all(map(overlap.feed, new)):
        overlap.close()
    assert overlap.length == max(n for n in range(61) if stored.endswith(new[:n]) and n <= len(new))
