"""Static files from the site itself: hashed, compressed, and served without leaving the loop."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Rewrites the imports of ES modules too, so that they can be cached for ever."""

    support_js_module_import_aggregation = True


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

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        file = (
            self.find_file(request.path_info)
            if self.autorefresh
            else self.files.get(request.path_info)
        )
        if file is None:
            return await self.get_response(request)
        return self.serve(file, request)

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
