"""Replies while they are written, as events for the page and for programs."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from .. import markup
from ..engine.following import Tail, part_frame
from ..engine.process import engine
from ..engine.readers import Reader
from ..models import Message
from ..models.endings import Ending, State
from ..parts import SAID, Kind, text_of
from ..refusals import Refused
from ..sse import ALIVE, KEEP_ALIVE, OPEN, frame, mark
from .access import methods, not_signed_in, signed_in
from .answers import answered_in_json, wants_html_parts
from .bodies import followed, reader_of, streaming
from .fields import body_of
from .payloads import article, payload
from .sending import send

Events = Callable[[Reader], AsyncIterator[bytes]]

LONGEST_OFFSET = 10  # digits
DONE = b"data: [DONE]\n\n"


class StreamRequest(msgspec.Struct):
    """The body of `POST /chat/stream`."""

    message: str
    model: str = ""
    conversation: str = ""
    client_id: str = ""
    instruction: str = ""
    preset: int | None = None


@methods("GET")
@answered_in_json
async def events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A reply from an offset on, to its end; with `?as=html`, as blocks of HTML for the page."""
    if not await engine().requests.read(_may_read, request, pk):
        return not_signed_in()
    after = _offset(request)
    try:
        with engine().readers.admit(reader_of(request, pk)) as reader:
            tail = await engine().tails.find(pk)
            if wants_html_parts(request):
                return _event_stream(request, reader, partial(_html_events, request))
            if after > len(tail.log):
                raise _no_such_offset()
            return _event_stream(request, reader, partial(_text_events, after))
    except Message.DoesNotExist:  # deleted this moment
        raise Http404 from None


@csrf_exempt
@methods("POST")
@signed_in
async def stream(request: HttpRequest) -> HttpResponseBase:
    """For programs and the tutorials' clients: send a message and read its reply in one request."""
    if request.content_type != "application/json":
        raise Refused(_("Send JSON, with Content-Type: application/json."), 415)
    if not _is_same_origin(request):
        raise Refused(_("Another site may not send messages here."), 403)
    sent = _sent(request)
    with engine().readers.admit(reader_of(request)) as reader:
        reply = await send(request.user, sent)
        reader.reply_id = reply.pk
        begun = payload(request, reply)
        return _event_stream(request, reader, partial(_tutorial_events, begun))


def _may_read(request: HttpRequest, pk: UUID) -> bool:
    """Whether somebody is logged in. Raises Http404 if the reply is not theirs."""
    if request.user.is_authenticated:
        get_object_or_404(Message.objects.replies().owned_by(request.user).only("pk"), pk=pk)
    return request.user.is_authenticated


def _sent(request: HttpRequest) -> dict[str, Any]:
    body = body_of(request)
    try:
        return msgspec.to_builtins(msgspec.json.decode(body, type=StreamRequest))
    except (ValueError, RecursionError):
        text = _(
            'Send JSON like {"message": "Hello"}, with "model" and "conversation" if you like.'
        )
        raise Refused(text) from None


def _is_same_origin(request: HttpRequest) -> bool:
    """Browsers say which site a request comes from, in headers that scripts cannot set.

    https://www.w3.org/TR/fetch-metadata/ ; other programs send neither header.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.get_host()}"


def _offset(request: HttpRequest) -> int:
    """The offset to read on from. Raises Refused for what no server of ours has handed out."""
    given = request.headers.get("Last-Event-ID") or request.GET.get("after") or "0"
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_OFFSET):
        raise _no_such_offset()
    return int(given)


def _no_such_offset() -> Refused:
    return Refused(_("The reply has no such offset. Begin without one."))


def _event_stream(request: HttpRequest, reader: Reader, events: Events) -> StreamingHttpResponse:
    failure = _end_frame(State.STREAMING)
    return streaming(request, reader, events(reader), failure, "text/event-stream")


async def _text_events(after: int, reader: Reader) -> AsyncIterator[bytes]:
    yield OPEN
    async with aclosing(followed(reader, after)) as progress:
        async for new in progress:
            yield reader.tail.frames(after) if new.parts else KEEP_ALIVE
            after = new.offset
    yield _end(reader)


async def _html_events(request: HttpRequest, reader: Reader) -> AsyncIterator[bytes]:
    """Blocks first as they stand, then what changes in them; the finished message at the end."""
    tail, version = reader.tail, 0
    yield OPEN
    async with aclosing(followed(reader)) as progress:
        async for new in progress:
            if thoughts := text_of(new.parts, Kind.REASONING):
                yield frame({"thoughts": thoughts})
            if text_of(new.parts, *SAID):
                await tail.rendering.advance(tail.text)
            if version != tail.rendering.version:
                yield tail.rendering.since(version)
                version = tail.rendering.version
            elif not thoughts:
                yield ALIVE
    html = ""
    if tail.ending and not tail.ending.rendered_by:
        html = await tail.rendering.page(tail.text)  # the one that is about to be stored
    yield _end(reader, html=await engine().requests.read(_final_article, request, tail, html))


async def _tutorial_events(begun: dict, reader: Reader) -> AsyncIterator[bytes]:
    """`data: {"content": …}` and `data: [DONE]`, all else where those clients do not look."""
    yield OPEN + frame(begun, event="reply")
    async with aclosing(followed(reader)) as progress:
        async for new in progress:
            parts = [mark(offset) + part_frame(part) for part, offset in new.placed()]
            yield b"".join(parts) or KEEP_ALIVE
    yield _end(reader) + _failure(reader.tail.ending) + DONE


def _failure(ending: Ending | None) -> bytes:
    """For clients that know nothing but text and errors."""
    if ending is None:
        return frame({"error": _("This stream ends here. The reply goes on and is kept.")})
    return frame({"error": _(ending.error)}) if ending.state == State.FAILED else b""


def _final_article(request: HttpRequest, tail: Tail, html: str) -> str:
    message = Message.objects.filter(pk=tail.reply_id).first()
    if message is None or message.is_running:
        return ""
    if html and message.text == tail.text:
        message.rendered, message.rendered_by = html, markup.VERSION
    return article(request, message)


def _end(reader: Reader, *, html: str = "") -> bytes:
    """The last event. A state that is still running says: connect again, the reply goes on."""
    if reader.is_dismissed:
        return _end_frame(State.STREAMING, error=_("You have been logged out."))
    ending = reader.tail.ending
    if ending is None:
        return _end_frame(State.STREAMING)
    return _end_frame(ending.state, ending.finish_reason, _(ending.error), html)


def _end_frame(state: str, finish_reason: str = "", error: str = "", html: str = "") -> bytes:
    data = {"state": state, "finish_reason": finish_reason, "error": error}
    return frame(data | ({"html": html} if html else {}), event="end")
