"""Static files from the site itself: hashed, compressed, and served without leaving the loop."""

import hashlib
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.files.base import ContentFile
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

MISSED_FOR = 1.0  # seconds that a name is not looked for again
MISSED_AT_MOST = 100  # names
MADE_OF = "made-of"  # the file with the fingerprint of the files that the others were made of


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites the imports of ES modules too, so that they can be cached for ever."""

    support_js_module_import_aggregation = True

    def post_process(self, paths: dict, dry_run: bool = False, **options: Any) -> Iterator[tuple]:
        """Makes nothing anew of files that are as they were: a process that starts takes none away
        that another one is serving. What is compressed is as open as what it was made of."""
        if dry_run or (made_of := self._fingerprint(paths)) == self._last_made_of():
            return
        for name, made, outcome in super().post_process(paths, **options):
            if outcome is True:
                Path(self.path(made)).chmod(self.file_permissions_mode)
            yield name, made, outcome
        self.delete(MADE_OF)
        self.save(MADE_OF, ContentFile(made_of))

    def _fingerprint(self, paths: dict) -> bytes:
        """Of the collected files, and of the code that makes others of them."""
        files = [(name, self.path(name)) for name in sorted(paths)]
        files += [(cls.__name__, inspect.getfile(cls)) for cls in type(self).__mro__[:-1]]
        stats = [
            (name, stat.st_size, stat.st_mtime_ns)
            for name, file in files
            if (stat := Path(file).stat())
        ]
        return hashlib.sha256(repr(stats).encode()).hexdigest().encode()

    def _last_made_of(self) -> bytes | None:
        return Path(self.path(MADE_OF)).read_bytes() if self.exists(MADE_OF) else None


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise for async sites.

    WhiteNoise's own class is synchronous only: under ASGI it would send every request through a
    thread and back, and end the background tasks of views with that thread.
    """

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        super().__init__(get_response)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
        self.directories = [(f"{Path(settings.STATIC_ROOT).absolute()}/", self.static_prefix)]
        self._missed: dict[str, float] = {}  # when, by name

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        url = request.path_info
        file = self.find_file(url) if self.autorefresh else self.files.get(url) or self._late(url)
        if file is None:
            return await self.get_response(request)
        return self.serve(file, request)

    def _late(self, url: str) -> object | None:
        """A file that came after this process: in a deploy the page may be the next one's."""
        if not url.startswith(self.static_prefix):
            return None
        now = time.monotonic()
        if now - self._missed.get(url, -MISSED_FOR) < MISSED_FOR:
            return None
        if file := self.find_file(url):
            self.files[url] = file
            return file
        if len(self._missed) >= MISSED_AT_MOST:
            self._missed.clear()
        self._missed[url] = now
        return None

    @staticmethod
    def serve(static_file: object, request: HttpRequest) -> HttpResponse:
        """The file in one piece: ours are a few kilobytes."""
        answer = static_file.get_response(request.method, request.META)
        response = HttpResponse(status=int(answer.status))
        del response["Content-Type"]
        for name, value in answer.headers:
            response[name] = value
        if answer.file is not None:
            with answer.file as file:
                response.content = file.read()
        return response
