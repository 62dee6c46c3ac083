"""Response bodies that are streamed while a reply is being written."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import get_language, override

from ..engine.database import is_outage
from ..engine.following import Progress, follow
from ..engine.process import engine
from ..engine.readers import Reader
from ..models import Message

logger = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-cache, no-store, no-transform",
    "Content-Encoding": "identity",  # a compressor would hold pieces back
    "X-Accel-Buffering": "no",  # nginx: pass each piece on
}


class Body:
    """A stream to a reader, who leaves when it ends or when it is closed before it began."""

    def __init__(self, parts: AsyncGenerator[bytes], reader: Reader) -> None:
        self._parts, self._reader = parts, reader

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._parts

    async def aclose(self) -> None:
        await self._parts.aclose()
        self.close()

    def close(self) -> None:
        """A generator that never started does not run its `finally`."""
        engine().readers.leave(self._reader)


def reader_of(request: HttpRequest, reply_id: UUID | None = None) -> Reader:
    user = request.user
    return Reader(user.pk, request.session.session_key, user.password, reply_id)


def streaming(
    request: HttpRequest,
    reader: Reader,
    body: AsyncIterator[bytes],
    failure: bytes,
    content_type: str,
) -> StreamingHttpResponse:
    """Stream `body`, which reads the reply from `reader.tail`; if it fails, end with `failure`.

    `reader` has been admitted. Where the server side supports it (the scope's `deferred_body`), the
    body is sent after the request has ended, so that the stream does not hold the request.
    """
    content = Body(_guarded(reader, body, failure, get_language()), reader)
    if defer := request.scope.get("extensions", {}).get("deferred_body"):
        defer(content)
        content = _nothing()
    return StreamingHttpResponse(content, content_type=content_type, headers=HEADERS)


def followed(reader: Reader, after: int = 0) -> AsyncIterator[Progress]:
    """What `reader` follows, from an offset on, for as long as they may."""
    return follow(reader.tail, after, lambda: reader.is_dismissed)


async def _nothing() -> AsyncIterator[bytes]:
    for part in ():
        yield part


async def _guarded(
    reader: Reader, body: AsyncIterator[bytes], failure: bytes, language: str
) -> AsyncGenerator[bytes]:
    """Keeps one language, for the stream outlives the request that activated it.

    Never raises: under daphne an exception in a stream would hang its reader forever.
    """
    here = engine()
    try:
        with override(language):
            reader.tail = await here.tails.hold(reader.reply_id)
            async with aclosing(body):
                async for part in body:
                    yield part
    except Exception as error:
        if is_outage(error):
            logger.warning("A stream ends: the database fails (%s).", type(error).__name__)
        elif not isinstance(error, Message.DoesNotExist):  # deleted this moment
            logger.exception("A stream of reply %s failed", reader.reply_id)
        yield failure
    finally:
        if reader.tail:
            here.tails.release(reader.tail)
        here.readers.leave(reader)
