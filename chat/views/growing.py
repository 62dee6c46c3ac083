"""A conversation's page that grows while its reply is written, for browsers without script."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ..engine.process import engine
from ..engine.readers import Reader
from ..limits import LimitReached
from ..markup import wrap
from ..models import Message
from ..parts import SAID, text_of
from .bodies import followed, reader_of, streaming

logger = logging.getLogger(__name__)

STILL_HERE = b"<!-- the reply goes on -->"  # without white space, which would be text
HTML = "text/html; charset=utf-8"


async def growing_page(
    request: HttpRequest, pk: UUID, page: Callable[[], HttpResponse]
) -> HttpResponseBase:
    """Stream `page` while a reply is being written in the conversation `pk`; else send it as is.

    First comes everything above the reply, then each block once it is finished, and in the end the
    rest of the page as it is by then.
    """
    whole, reply_id = await sync_to_async(_now)(page, pk)
    if reply_id is None:
        return whole
    try:
        with engine().readers.admit(reader_of(request, reply_id)) as reader:
            above, below = _parts(whole, reply_id)
            body = _body(reader, above, below, partial(_below, page, reply_id))
            return streaming(request, reader, body, below, HTML)
    except LimitReached:
        return whole


async def _body(
    reader: Reader, above: bytes, below: bytes, at_last: Callable[[], bytes]
) -> AsyncIterator[bytes]:
    """`below` ends the page while the reply goes on: it has the link to see more."""
    yield above
    tail, rendering, shown = reader.tail, reader.tail.rendering, 0
    async with aclosing(followed(reader)) as progress:
        async for new in progress:
            if not text_of(new.parts, *SAID):
                yield STILL_HERE
                continue
            await rendering.advance(tail.text)
            finished = rendering.finished(shown)
            shown += len(finished)
            yield wrap(finished).encode() if finished else STILL_HERE
    if not reader.is_dismissed:
        yield wrap(await rendering.rest(tail.text, shown)).encode()
    yield await sync_to_async(at_last)() if tail.ending and not reader.is_dismissed else below


def _now(page: Callable[[], HttpResponse], pk: UUID) -> tuple[HttpResponse, UUID | None]:
    """The page as it is, and the reply that is, or just was, being written in it."""
    try:
        running = Message.objects.running().filter(conversation=pk).values_list("pk", flat=True)
        reply_id = running.first()
        whole = page()
        is_shown = reply_id is not None and _mark(reply_id) in whole.content
        return whole, reply_id if is_shown else None
    finally:
        connections.close_all()  # a stream must not hold one


def _below(page: Callable[[], HttpResponse], reply_id: UUID) -> bytes:
    try:
        return _parts(page(), reply_id)[1]
    finally:
        connections.close_all()


def _parts(whole: HttpResponse, reply_id: UUID) -> tuple[bytes, bytes]:
    """The page's HTML above and below the text of the reply.

    Messages have every `<` and `"` escaped, so the tags found here are the template's own.
    """
    before, mark, article = whole.content.partition(_mark(reply_id))
    opening, tag, rest = article.partition(b"<chat-reply")
    attributes, _, inside = rest.partition(b">")
    closing = inside.index(b"</chat-reply>")
    return b"".join((before, mark, opening, tag, attributes, b">")), inside[closing:]


def _mark(reply_id: UUID) -> bytes:
    return f'id="message-{reply_id}"'.encode()
