"""The processes that render: what a text can do to them, and what is shown then."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from chat import markup
from chat.markup import renderers
from chat.markup.renderers import Renderer, TooMuch
from chat.markup.rendering import Rendering

from ..streams import apply, events_of

CODE = "```python\nx = 1\n```\n"
FREEZES = '```scala\n"' + "\\" * 60 + "\n```\n"  # a regex that takes longer than the universe has
OVERFLOWS = "a@b.c " * 26_208  # comrak's stack, and gigabytes
PROCESSES = "ended by a text"


@pytest.fixture
def renderer():
    renderer = Renderer("test", 0.2)
    yield renderer
    renderer.close()


@pytest.fixture(autouse=True)
def forgetful():
    renderers._too_much.clear()


def test_it_renders_as_this_process_would(renderer):
    for text in (CODE, "# One\n\n*two* $x^2$", "\0 \N{GRINNING FACE} é"):
        assert renderer.run("page", text) == markup.page(text)
        assert renderer.run("blocks", text) == [
            list(each) for each in markup.positioned_blocks(text)
        ]


def test_a_text_that_ends_it_harms_nobody_else(renderer):
    with pytest.raises(TooMuch):
        renderer.run("page", FREEZES)
    assert renderer.run("page", CODE) == markup.page(CODE)


def test_who_waits_behind_such_a_text_gets_their_html(renderer):
    texts = [FREEZES, *(CODE * count for count in range(1, 9))]
    with ThreadPoolExecutor(len(texts)) as threads:
        rendered = [threads.submit(renderer.run, "page", text) for text in texts]
    assert [each.exception() is None for each in rendered] == [False] + [True] * 8


def test_who_is_ended_by_somebody_else_is_begun_again(renderer):
    renderer.run("page", CODE)
    os.kill(renderer._process.pid, signal.SIGKILL)
    assert renderer.run("page", CODE) == markup.page(CODE)


def test_who_is_stopped_by_somebody_else_is_too(renderer):
    renderer.run("page", CODE)
    os.kill(renderer._process.pid, signal.SIGSTOP)
    assert renderer.run("page", CODE) == markup.page(CODE)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_the_whole_group_are_not_for_it(renderer, ending):
    renderer.run("page", CODE)
    process = renderer._process
    os.kill(process.pid, ending)
    assert renderer.run("page", CODE) and renderer._process is process


def test_it_ends_with_the_site(renderer):
    renderer.run("page", CODE)
    renderer._connection.close()  # as the kernel does for who is killed
    assert renderer._process.wait(10) == 0


def test_code_that_takes_too_long_has_no_colors():
    html = renderers.page(CODE + FREEZES)
    assert "highlight" not in html and html.count('data-language="') == 2 and "\\" * 60 in html


def test_what_overflows_the_stack_is_shown_as_it_was_written():
    assert renderers.page("*one* " + OVERFLOWS) == markup.plain("*one* " + OVERFLOWS)


def test_what_took_too_long_is_not_tried_again(caplog):
    first = renderers.page(FREEZES)
    assert PROCESSES in caplog.text
    caplog.clear()
    assert renderers.page(FREEZES) == first and PROCESSES not in caplog.text


async def grown(text, step):
    rendering, shown, version = Rendering(), [], 0
    for size in range(step, len(text) + step, step):
        await rendering.advance(text[:size])
        for event in events_of(rendering.since(version)):
            shown = apply(shown, event.data["blocks"])
        version = rendering.version
    return shown


async def test_a_long_block_grows_elsewhere():
    text = "one\n\n" + "- point *two*\n" * 600
    assert await grown(text, 999) == markup.blocks(text)


async def test_what_overflows_while_it_grows_is_plain_until_it_ends():
    shown = await grown("*one*\n\n*two*\n\n" + OVERFLOWS, 5_000)
    assert shown == [*markup.blocks("*one*\n\n*two*"), markup.plain_block(OVERFLOWS)]


async def test_code_that_freezes_while_it_grows_has_no_colors():
    shown = await grown(FREEZES + "\nlast\n", 20)
    assert "highlight" not in shown[0] and shown[1] == "<p>last</p>"
