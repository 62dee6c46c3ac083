"""Replies as they are written: events for the page and for programs."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from ..endings import Ending, State
from ..engine import engine
from ..following import Tail
from ..limits import LimitReached
from ..models import Message
from ..readers import Reader
from ..sse import KEEP_ALIVE, OPEN, frame
from .access import methods, not_signed_in, refusal, signed_in, wants_html_parts
from .bodies import followed, streaming
from .sending import Refused, article, payload, send

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
async def events(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A reply from an offset on, until it ends; `?as=html` as blocks of HTML for the page."""
    if not await engine().requests.read(_may_read, request, pk):
        return not_signed_in()
    try:
        engine().readers.check(request.user)
        after = _offset(request)
        tail = await engine().tail(pk)
        if wants_html_parts(request):
            return _event_stream(request, tail, partial(_html_events, request))
        if after > len(tail.text):
            raise ValueError
        return _event_stream(request, tail, partial(_text_events, after))
    except Message.DoesNotExist:  # deleted this moment
        raise Http404 from None
    except ValueError:
        return refusal(_("The reply has no such offset. Begin without one."), 400)
    except LimitReached as limit:
        return refusal(limit.text, 429, retry_after=limit.retry_after)


@csrf_exempt
@methods("POST")
@signed_in
async def stream(request: HttpRequest) -> HttpResponseBase:
    """For programs and the tutorials' clients: a message in, its reply out, in one request."""
    if request.content_type != "application/json":
        return refusal(_("Send JSON, with Content-Type: application/json."), 415)
    if not _is_same_origin(request):
        return refusal(_("Another site may not send messages here."), 403)
    try:
        engine().readers.check(request.user)
        body = msgspec.json.decode(request.body, type=StreamRequest)
        reply = await send(request.user, msgspec.to_builtins(body))
        tail = await engine().tail(reply.pk)
        begun = payload(request, reply)
        return _event_stream(request, tail, partial(_tutorial_events, begun))
    except (ValueError, RecursionError):
        text = _(
            'Send JSON like {"message": "Hello"}, with "model" and "conversation" if you like.'
        )
        return refusal(text, 400)
    except Refused as refused:
        return refusal(refused.text, refused.status, retry_after=refused.retry_after)
    except LimitReached as limit:
        return refusal(limit.text, 429, retry_after=limit.retry_after)


def _may_read(request: HttpRequest, pk: UUID) -> bool:
    """Whether somebody is logged in. Raises Http404 if the reply is not theirs."""
    if request.user.is_authenticated:
        get_object_or_404(Message.objects.replies().owned_by(request.user).only("pk"), pk=pk)
    return request.user.is_authenticated


def _is_same_origin(request: HttpRequest) -> bool:
    """Browsers say where a request comes from, and scripts cannot change it.

    https://www.w3.org/TR/fetch-metadata/ ; programs that are no browsers say nothing.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site == "same-origin"
    origin = request.headers.get("Origin")
    return origin is None or origin == f"{request.scheme}://{request.get_host()}"


def _offset(request: HttpRequest) -> int:
    """Where the reader is. Raises ValueError for what no server of ours has handed out."""
    given = request.headers.get("Last-Event-ID") or request.GET.get("after") or "0"
    if not (given.isascii() and given.isdigit() and len(given) <= LONGEST_OFFSET):
        raise ValueError(given)
    return int(given)


def _event_stream(request: HttpRequest, tail: Tail, events: Events) -> StreamingHttpResponse:
    reader = Reader(request.user.pk, request.session.session_key, tail)
    failure = _end_frame(State.STREAMING)
    return streaming(request, reader, events(reader), failure, "text/event-stream")


async def _text_events(after: int, reader: Reader) -> AsyncIterator[bytes]:
    yield OPEN
    async with aclosing(followed(reader, after)) as progress:
        async for part in progress:
            start = part.offset - len(part.text)
            yield reader.tail.text_frame(start, part.offset) if part.text else KEEP_ALIVE
    yield _end(reader)


async def _html_events(request: HttpRequest, reader: Reader) -> AsyncIterator[bytes]:
    """Blocks first as they stand, then what changes in them; the finished message at the end."""
    tail, version, thoughts = reader.tail, 0, len(reader.tail.thoughts)
    yield OPEN + _thoughts(tail, 0)
    async with aclosing(followed(reader)) as progress:
        async for part in progress:
            if new := _thoughts(tail, thoughts):
                yield new
                thoughts = len(tail.thoughts)
            elif not part.text:
                yield KEEP_ALIVE
            if not part.text:
                continue
            await tail.rendering.advance(tail.text)
            if version != tail.rendering.version:
                yield tail.rendering.since(version)
                version = tail.rendering.version
    yield _end(reader, html=await engine().requests.read(_final_article, request, tail.reply_id))


def _thoughts(tail: Tail, after: int) -> bytes:
    new = tail.thoughts[after:]
    return frame({"thoughts": new}) if new else b""


async def _tutorial_events(begun: dict, reader: Reader) -> AsyncIterator[bytes]:
    """`data: {"content": …}` and `data: [DONE]`, all else behind an `event:` line."""
    yield OPEN + frame(begun, event="reply")
    async with aclosing(followed(reader)) as progress:
        async for part in progress:
            yield frame({"content": part.text}) if part.text else KEEP_ALIVE
    yield _end(reader) + _failure(reader.tail.ending) + DONE


def _failure(ending: Ending | None) -> bytes:
    """For clients that know nothing but text and errors."""
    if ending is None:
        return frame({"error": _("This stream ends here. The reply goes on and is kept.")})
    return frame({"error": _(ending.error)}) if ending.state == State.FAILED else b""


def _final_article(request: HttpRequest, pk: UUID) -> str:
    message = Message.objects.filter(pk=pk).first()
    return article(request, message) if message and not message.is_running else ""


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
