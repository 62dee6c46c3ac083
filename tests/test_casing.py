import sys

from chat.casing import fold, places

EVERYTHING = "".join(
    chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF
)


def test_every_character_stays_in_its_place():
    assert len(fold(EVERYTHING)) == len(EVERYTHING)


def test_a_text_is_folded_once_for_all():
    folded = fold(EVERYTHING)
    assert fold(folded) == folded


def test_it_finds_every_place():
    assert list(places("Über über\nÜBERübe", "üBER")) == [(0, 4), (5, 9), (10, 14)]
    assert list(places("aaaa", "AA")) == [(0, 2), (2, 4)]
    assert list(places("", "a")) == []


def test_a_sigma_at_the_end_of_a_word_is_one_in_it():
    assert list(places("ΕΛΛΆΣ, ελλάς", "ελλάσ")) == [(0, 5), (7, 12)]
