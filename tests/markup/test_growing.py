import random

import pytest

from chat.markup import Growing, blocks, plain_block, positioned_blocks

from .test_markdown import CORPUS


def grow(growing, text):
    return growing.update(text, positioned_blocks(growing.unfinished(text)))


def grown(text, sizes):
    growing, seen = Growing(), 0
    for size in sizes:
        seen += size
        grow(growing, text[:seen])
    grow(growing, text)
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
    assert grow(growing, "one\n\ntwo") == grow(growing, "one\n\ntwo\n\nthree\n") == 0
    assert grow(growing, "one\n\ntwo\n\nthree\nfour") == 2


def test_a_finished_block_is_not_rendered_again():
    growing, text = Growing(), "para\n\n" * 50
    grow(growing, text)
    assert (
        growing.unfinished(text + "last") == "para\n\nlast" and grow(growing, text + "last") == 49
    )


def test_what_is_not_finished_can_be_shown_as_it_was_written():
    growing, text = Growing(), "*one*\n\n*two*\n\n*three*\n\n*four* & \n"
    grow(growing, text)
    assert growing.update_plain(text) == 3
    assert growing.blocks == [*blocks("*one*\n\n*two*\n\n*three*"), plain_block("*four* & \n")]
