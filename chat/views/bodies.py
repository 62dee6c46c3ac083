"""Bodies that are sent while a reply is being written."""

import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import get_language, override

from ..engine import engine
from ..following import Progress, follow
from ..readers import Reader

logger = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "Content-Encoding": "identity",  # a compressor would hold pieces back
    "X-Accel-Buffering": "no",  # nginx: pass each piece on
}


def streaming(
    request: HttpRequest,
    reader: Reader,
    body: AsyncIterator[bytes],
    failure: bytes,
    content_type: str,
) -> StreamingHttpResponse:
    """`body`, or `failure` at its end if it fails.

    Where the site can send it after the request, it does so without holding the request.
    """
    content = _guarded(reader, body, failure, get_language())
    if defer := request.scope.get("extensions", {}).get("deferred_body"):
        defer(content)
        content = _nothing()
    return StreamingHttpResponse(content, content_type=content_type, headers=HEADERS)


def followed(reader: Reader, after: int = 0) -> AsyncIterator[Progress]:
    """What `reader` may read, from an offset on."""
    return follow(reader.tail, after, lambda: reader.is_dismissed)


async def _nothing() -> AsyncIterator[bytes]:
    for part in ():
        yield part


async def _guarded(
    reader: Reader, body: AsyncIterator[bytes], failure: bytes, language: str
) -> AsyncIterator[bytes]:
    """In one language throughout, because it outlives the request that chose it.

    A stream never ends with an exception: under daphne that would hang its reader for ever.
    """
    here = engine()
    try:
        with override(language), here.readers.open(reader):
            async with aclosing(body):
                async for part in body:
                    yield part
    except Exception:
        logger.exception("A stream of reply %s failed", reader.tail.reply_id)
        yield failure
    finally:
        here.release(reader.tail)
