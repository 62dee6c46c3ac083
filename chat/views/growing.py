"""The page of a conversation that grows while its reply is written, for browsers without script."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ..engine import engine
from ..limits import LimitReached
from ..markdown import wrap
from ..models import Message
from ..readers import Reader
from .bodies import followed, streaming

logger = logging.getLogger(__name__)

STILL_HERE = b"<!-- the reply goes on -->\n"
HTML = "text/html; charset=utf-8"


async def growing_page(
    request: HttpRequest, pk: UUID, page: Callable[[], HttpResponse]
) -> HttpResponseBase:
    """`page` as a stream, when a reply is being written in the conversation `pk`; else as it is.

    First comes what stands above the reply, then its blocks as they are finished, and at its end
    the rest of the page as it is then.
    """
    whole, reply_id = await sync_to_async(_now)(page, pk)
    if reply_id is None:
        return whole
    try:
        engine().readers.check(request.user)
        tail = await engine().tail(reply_id)
    except (LimitReached, Message.DoesNotExist):
        return whole
    reader = Reader(request.user.pk, request.session.session_key, tail)
    above, below = _parts(whole, reply_id)
    body = _body(reader, above, below, partial(_below, page, reply_id))
    return streaming(request, reader, body, below, HTML)


async def _body(
    reader: Reader, above: bytes, below: bytes, at_last: Callable[[], bytes]
) -> AsyncIterator[bytes]:
    """`below` ends the page of a reply that goes on: it has the way to see more."""
    yield above
    tail, rendering, shown = reader.tail, reader.tail.rendering, 0
    async with aclosing(followed(reader)) as progress:
        async for part in progress:
            if not part.text:
                yield STILL_HERE
                continue
            await rendering.advance(tail.text)
            finished = rendering.finished(shown)
            shown += len(finished)
            if finished:
                yield wrap(finished).encode()
    if not reader.is_dismissed:
        yield wrap(await rendering.rest(tail.text, shown)).encode()
    yield await sync_to_async(at_last)() if tail.ending and not reader.is_dismissed else below


def _now(page: Callable[[], HttpResponse], pk: UUID) -> tuple[HttpResponse, UUID | None]:
    """The page as it is, and which reply is being written in it, or was the moment before."""
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
    """What stands above and below the text of a reply in the page that shows it.

    In the text of messages every `<` and `"` is escaped: these tags are those of the template.
    """
    before, mark, article = whole.content.partition(_mark(reply_id))
    opening, tag, rest = article.partition(b"<chat-reply")
    attributes, _, inside = rest.partition(b">")
    closing = inside.index(b"</chat-reply>")
    return b"".join((before, mark, opening, tag, attributes, b">")), inside[closing:]


def _mark(reply_id: UUID) -> bytes:
    return f'id="message-{reply_id}"'.encode()
