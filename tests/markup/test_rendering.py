import json
import random

import pytest

from chat.markup import blocks
from chat.markup.rendering import KEPT_FRAMES, Rendering

from ..streams import apply, events_of
from .test_markdown import CORPUS


def applied(shown, frames):
    for event in events_of(frames):
        shown = apply(shown, event.data["blocks"])
    return shown


async def follow(text, sizes):
    """What readers have after each tick: one that follows, and one that has just come."""
    rendering, shown, version, seen = Rendering(), [], 0, 0
    for size in sizes:
        seen += size
        await rendering.advance(text[:seen])
        shown = applied(shown, rendering.since(version))
        version = rendering.version
        yield shown, applied([], rendering.since(0))


@pytest.mark.parametrize("seed", range(5))
async def test_who_follows_and_who_comes_late_see_the_same(seed):
    chance = random.Random(seed)
    sizes = [chance.randint(1, 30) for _ in CORPUS]
    assert all([following == late async for following, late in follow(CORPUS, sizes)])


async def test_frames_build_the_blocks_of_the_text():
    text = "# One\n\ntwo *three*\n\n- four\n- five"
    seen = [shown async for shown, _ in follow(text, [1] * len(text))]
    assert seen[-1] == blocks(text)


async def test_code_is_highlighted_as_soon_as_it_is_finished():
    text = "```python\nx = 1\n```\nand then\n"
    seen = [shown async for shown, _ in follow(text, [8] * 5)]
    assert "highlight" in seen[-1][0] and "highlight" not in seen[1][0]


async def test_what_was_held_back_is_in_the_rest():
    rendering, text = Rendering(), "one\n\ntwo $x [3]"
    await rendering.advance(text)
    assert applied([], rendering.since(0)) == ["<p>one</p>", "<p>two</p>"]
    assert await rendering.rest(text, 1) == ["<p>two $x [3]</p>"]


async def test_it_counts_in_the_units_of_the_page():
    text = "👋 wave 👋🏽 again\n\n🏴󠁧󠁢󠁷󠁬󠁳󠁿 *flag* \N{MATHEMATICAL SCRIPT CAPITAL X} end"
    assert [shown async for shown, _ in follow(text, [1] * len(text))][-1] == blocks(text)


async def test_blocks_that_vanish_are_taken_away():
    text = "one\n\n[two]: https://example.com"
    steps = [shown async for shown, _ in follow(text, [1] * len(text))]
    assert max(map(len, steps)) == 2 and steps[-1] == ["<p>one</p>"]


async def test_the_only_block_can_vanish():
    text = "[one]: https://example.com"
    assert [late for _, late in [each async for each in follow(text, [5] * 6)]][-1] == []
    assert [shown async for shown, _ in follow(text, [5] * 6)][-1] == []


async def test_who_is_too_far_behind_gets_everything():
    rendering = Rendering()
    await rendering.advance("one")
    version, shown = rendering.version, applied([], rendering.since(0))
    for count in range(2, KEPT_FRAMES + 5):
        await rendering.advance("one " * count)
    assert applied(shown, rendering.since(version)) == blocks("one " * (KEPT_FRAMES + 4))


async def test_nothing_new_is_no_new_version():
    rendering = Rendering()
    await rendering.advance("one")
    await rendering.advance("one")
    assert rendering.version == 1 and rendering.since(1) == b""


async def test_it_sends_little_more_than_the_text():
    text = ("Some *words* of a `reply`, one after another. " * 100)[:4_000]
    rendering, version, sent = Rendering(), 0, 0
    for end in range(10, 4_001, 10):
        await rendering.advance(text[:end])
        sent += len(rendering.since(version))
        version = rendering.version
    assert sent <= 8 * len(text)


async def test_its_events_are_json_of_index_keep_and_html():
    rendering = Rendering()
    await rendering.advance("one")
    await rendering.advance("one two")
    assert json.loads(rendering.since(1).removeprefix(b"data: ")) == {
        "blocks": [[0, 6, " two</p>"]]
    }
