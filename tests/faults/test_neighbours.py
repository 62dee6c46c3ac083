"""One person's or provider's oddity never reaches another's reply."""

import threading
from urllib.parse import urlencode

import pytest

from ..double import ENDING, Done, Finish, Frame, GoOn, Text, answer
from ..follower import Follower
from . import bounds
from .conftest import EVERY, TEXT
from .oracle import requests_for

SAID = "A few words, and then something odd."
BURST = "".join(f"burst-{number} " for number in range(8_000))
NEXT = 6  # replies: as many as connections to the provider may be idle
COPIES = 300
SOON = 2.0 * bounds.BUSY  # seconds


def finish(reason):
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return (Frame({"choices": [choice]}), Done())


def usage(prompt, completion):
    tokens = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": 1}
    return (Finish(), Frame({"choices": [], "usage": tokens}), Done())


ODD = {
    "half a surrogate as finish reason": finish("\ud800"),
    "NUL in the finish reason": finish("st\0p"),
    "a finish reason of 1,000 letters": finish("x" * 1_000),
    "a token count of 2**63+1": usage(2**63 + 1, 2**63 + 1),
    "a token count of 2**31": usage(2**31, 2**31),
    "a token count of -5": usage(-5, -5),
    "a token count of 1e300": usage(1e300, 1e300),
    "a token count in words": usage("many", None),
}


def test_odd_values_hurt_nobody_else(seed, double, ports, person, bystander, check):
    """A provider sends eight odd values, each in a reply of its own"""
    for odd, ending in ODD.items():
        double.script(Text(SAID), *ending, when=odd)
    for odd, asked in {odd: person.ask(odd) for odd in ODD}.items():
        reader = Follower(person, asked)
        complete = True if "token" in odd else None
        check.reply(person, asked, reader, port=ports[0], text=SAID, complete=complete)
        assert reader.text == SAID and len(requests_for(double, asked)) == 1, odd
    bystander.noticed_nothing()


# Of what regexes, parsers and stacks do not bear, 64 KB of each and 200 KB of the first.
WORST = [
    "a@b.c " * 33_333,
    '```scala\n"' + "\\" * 60 + "\n```\n" + "a " * 32_700,
    "|a" * 1_000 + "\n" + "|-" * 1_000 + "|\n" + "a\n" * 30_000,
    "[" * 65_536,
    "> " * 32_768,
    "*a_" * 20_000,
    "<div>" * 13_000,
    "$x" * 32_768,
    "`" * 65_536,
    "![a](b)" * 9_362,
    r"\(x" * 21_845,
    "[a](b)))" * 8_192,
    "a@b.c " * 10_922,
]


@pytest.mark.parametrize("part", range(3))
def test_bad_markdown_hurts_nobody_else(
    seed, site, double, ports, person, bystander, check, part, record_property
):
    """64 KB of bad Markdown, read as HTML"""
    text = WORST[(3 * seed + part) % len(WORST)]
    site.forget_peak(ports[0])
    double.script(Text(pieces=[text[at : at + 500] for at in range(0, len(text), 500)]), *ENDING)
    asked = person.ask("Be odd")
    status, _ = person.request("GET", f"{asked['reply']['events']}?as=html")
    assert status == 200
    check.reply(person, asked, port=ports[0], text=text)
    bystander.noticed_nothing()
    gap, peak = max(reader.longest_gap() for reader in bystander.readers), site.peak(ports[0])
    figure = (
        f"a gap of {gap:.2f} s, {peak // 1024} MB, beside {len(text):,} characters: {text[:9]!r}…"
    )
    record_property("figure", figure)
    assert peak < bounds.MEMORY


def test_a_burst_does_not_starve_the_next_reply(seed, double, ports, person, check):
    """8,000 words at once, then replies at the usual pace, one on the same connection"""
    double.script(*answer(BURST))
    first = person.ask("A lot, please")
    check.reply(person, first, Follower(person, first), port=ports[0], text=BURST)
    double.script(GoOn(TEXT, every=EVERY), *ENDING)
    all_asked = [person.ask(f"Tell me {number}") for number in range(NEXT)]
    readers = {asked["said"]: Follower(person, asked) for asked in all_asked}
    assert all(reader.grown.wait(SOON) for reader in readers.values()), "nothing comes"
    for asked in all_asked:
        check.reply(person, asked, readers[asked["said"]], port=ports[0], text=TEXT)
        assert readers[asked["said"]].longest_gap() < SOON
    check.the_site_is_well(person)


@pytest.mark.needs_server
def test_two_staff_delete_what_overlaps(seed, dice, site, double, ports, person, check):
    """Two staff delete overlapping selections of chats, three times"""
    double.script(*answer("A short one."))
    site.add_person("sue")
    other = site.person(ports[1], "sue")
    for number in range(3):
        asked = person.ask(f"Tell me {number}")
        person.wait_settled(asked)
        ids = _make_more(site, asked["conversation"]["id"])
        few = dice.sample(ids, dice.choice([10, 50, len(ids)]))
        assert _delete_at_once({person: ids, other: few}) == [302, 302]
    check.the_site_is_well(person)


def _make_more(site, pk):
    """Copies of a conversation with its messages; their ids."""
    made = site.sql(
        "INSERT INTO chat_conversation SELECT (jsonb_populate_record(one, jsonb_build_object("
        "'id', gen_random_uuid(), 'head_id', NULL))).*"
        f" FROM chat_conversation one, generate_series(1, {COPIES}) WHERE id = '{pk}' RETURNING id"
    )
    ids = [str(row[0]) for row in made]
    site.sql(
        "INSERT INTO chat_message SELECT (jsonb_populate_record(one, jsonb_build_object("
        "'id', gen_random_uuid(), 'conversation_id', c.id, 'client_id', NULL, 'parent_id', NULL)"
        f")).* FROM chat_message one, chat_conversation c WHERE one.conversation_id = '{pk}'"
        f" AND c.id = ANY('{{{','.join(ids)}}}')"
    )
    return ids


def _delete_at_once(selections):
    statuses = []

    def delete(who, ids):
        fields = {"action": "delete_selected", "post": "yes", "_selected_action": ids}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode(fields, doseq=True)
        status, _ = who.request("POST", "/admin/chat/conversation/", body, **kind)
        statuses.append(status)

    threads = [threading.Thread(target=delete, args=each) for each in selections.items()]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return statuses
