"""The page of a conversation with `?stream`: it grows while its reply is written."""

import asyncio
import re
import threading
from uuid import uuid4

import pytest

from chat.engine.process import close
from chat.engine.process import engine as the_engine
from chat.views.growing import STILL_HERE

from ..double import ENDING, Text, WaitFor
from ..streams import ask, body_of


@pytest.fixture
def gate():
    """Holds a script of the double until the test sets it."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture
def page(running):
    return running["conversation"]["url"] + "?stream"


async def test_a_send_without_script_leads_to_it(aclient):
    answer = await aclient.post("/chat/", {"message": "Hello", "as": "stream"})
    assert answer.status_code == 303 and answer["Location"].endswith("/?stream")


async def test_a_send_without_the_field_leads_to_the_plain_page(aclient):
    answer = await aclient.post("/chat/", {"message": "Hello"})
    assert answer.status_code == 303 and answer["Location"].endswith("/")


@pytest.mark.parametrize(("verb", "state"), [("retry", "complete"), ("continue", "stopped")])
async def test_so_does_a_reply_that_is_written_again_or_goes_on(
    aclient, conversation, ends, verb, state
):
    reply = await ends(state)
    answer = await aclient.post(f"/chat/replies/{reply.pk}/{verb}", {"as": "stream"})
    assert answer.status_code == 303
    assert answer["Location"] == f"{conversation.get_absolute_url()}?stream"


async def test_a_reply_that_goes_on_shows_all_of_its_text(
    aclient, conversation, ends, double, gate
):
    reply = await ends("stopped", "One.\n\nTwo")
    double.script(Text(" and a half.\n\nThree"), WaitFor(gate), *ENDING)
    answer = await aclient.post(f"/chat/replies/{reply.pk}/continue", {"as": "stream"})
    page = await aclient.get(answer["Location"])
    gate.set()
    html = (await body_of(page)).decode()
    assert "<p>One.</p>" in html and "<p>Two and a half.</p>" in html and html.count("</html>") == 1


async def test_it_gives_the_page_in_pieces_and_whole(aclient, double, gate):
    double.script(Text("One.\n\nTwo.\n\nThree"), WaitFor(gate), *ENDING)
    asked = await ask(aclient, "Hello")
    response = await aclient.get(asked["conversation"]["url"] + "?stream")
    gate.set()
    parts = [part async for part in response.streaming_content]
    html = b"".join(parts).decode()
    assert len(parts) > 2 and parts[0].endswith(b">") and b"<chat-reply" in parts[0]
    paragraphs = ("One.", "Two.", "Three")
    blocks = "".join(f'<div class="block"><p>{each}</p></div>' for each in paragraphs)
    assert f"{blocks}</chat-reply>" in html.replace(STILL_HERE.decode(), "")
    assert html.count("</html>") == 1 and html.rstrip().endswith("</html>")


async def test_it_ends_with_the_footer_of_the_reply(aclient, double, gate):
    double.script(Text("one"), WaitFor(gate), *ENDING)
    asked = await ask(aclient, "Hello")
    response = await aclient.get(asked["conversation"]["url"] + "?stream")
    gate.set()
    below = (await body_of(response)).decode().partition("</chat-reply>")[2]
    assert "<small>double-1</small>" in below and "Reload to see more" not in below


async def test_finished_blocks_come_before_the_end(aclient, double, gate):
    double.script(Text("One.\n\nTwo.\n"), WaitFor(gate), *ENDING)
    asked = await ask(aclient, "Hello")
    body, seen = (
        (await aclient.get(asked["conversation"]["url"] + "?stream")).streaming_content,
        b"",
    )
    async for part in body:
        seen += part
        if b"<p>One.</p>" in seen:
            break
    assert b"</chat-reply>" not in seen
    gate.set()
    assert b"<p>Two.</p>" in b"".join([part async for part in body])


async def test_it_can_be_stopped_from_what_is_there(aclient, running, page):
    body = (await aclient.get(page)).streaming_content
    assert f'action="{running["reply"]["stop"]}"' in (await anext(body)).decode()
    await aclient.post(running["reply"]["stop"])
    rest = b"".join([part async for part in body]).decode()
    assert "<p>one two</p>" in rest and "You stopped this reply." in rest


async def test_when_the_server_leaves_the_page_ends_and_says_how_to_go_on(aclient, page):
    body = (await aclient.get(page)).streaming_content
    await anext(body)
    closing = asyncio.create_task(close())
    html = b"".join([part async for part in body]).decode()
    await closing
    assert "<p>one two</p>" in html and 'href="?stream">Reload to see more' in html
    assert html.rstrip().endswith("</html>")


async def test_who_is_dismissed_reads_no_more(aclient, page):
    body = (await aclient.get(page)).streaming_content
    await anext(body)
    for reader in list(the_engine().readers._open):
        reader.dismiss()
    rest = b"".join([part async for part in body])
    assert b"</html>" in rest


async def test_it_shows_life(aclient, running, page):
    body = (await aclient.get(page)).streaming_content
    await anext(body)
    life = asyncio.create_task(anext(body))
    while not life.done():
        await asyncio.sleep(0.01)
        the_engine().tails.keep_alive()
    assert await life == STILL_HERE
    await aclient.post(running["reply"]["stop"])
    assert b"</html>" in b"".join([part async for part in body])


def test_a_sign_of_life_is_no_text():
    """The text of a page would depend on how it was cut into pieces."""
    assert re.fullmatch(rb"<!--[^>]*-->", STILL_HERE)


async def test_without_a_running_reply_it_is_the_page(aclient, conversation):
    answer = await aclient.get(f"/chat/{conversation.pk}/?stream")
    assert answer.status_code == 200 and b"<p>Hi <em>there</em>" in answer.content


async def test_with_too_many_open_it_is_the_page(aclient, page, settings):
    settings.CHAT_READERS_PER_USER = 0
    assert b"one two" in (await aclient.get(page)).content


async def test_it_needs_somebody_logged_in(stranger):
    assert (await stranger.get(f"/chat/{uuid4()}/?stream")).status_code == 302


async def test_another_persons_page_is_not_found(other_client, page):
    assert (await other_client.get(page)).status_code == 404
