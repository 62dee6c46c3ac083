"""Django's own middleware, run where the request is.

As they come, Django sends an async request through a thread and back twice for each of them, about
0.1 ms each time. None of them waits for anything, but for a session that has to be saved.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware as CSP
from django.contrib.auth.middleware import AuthenticationMiddleware as Authentication
from django.contrib.messages.middleware import MessageMiddleware as Messages
from django.contrib.sessions.middleware import SessionMiddleware as Session
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware as XFrameOptions
from django.middleware.common import CommonMiddleware as Common
from django.middleware.csrf import CsrfViewMiddleware as Csrf
from django.middleware.locale import LocaleMiddleware as Locale
from django.middleware.security import SecurityMiddleware as Security
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from chat.preferences import zone


class InLoop:
    """Before a MiddlewareMixin: calls its methods directly, those that may wait in a thread."""

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        response = self.process_request(request) if hasattr(self, "process_request") else None
        response = response or await self.get_response(request)
        if not hasattr(self, "process_response"):
            return response
        if self.may_wait(request):
            return await sync_to_async(self.process_response)(request, response)
        return self.process_response(request, response)

    def may_wait(self, request: HttpRequest) -> bool:
        """Whether this response needs the database."""
        return False


class SecurityMiddleware(InLoop, Security):
    pass


class CSPMiddleware(InLoop, CSP):
    pass


class SessionMiddleware(InLoop, Session):
    def may_wait(self, request: HttpRequest) -> bool:
        return request.session.modified


class LocaleMiddleware(InLoop, Locale):
    """Also for the time zone; and says that all this, and the theme with it, may be in a cookie."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        timezone.activate(zone(request))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        patch_vary_headers(response, ["Cookie"])
        return super().process_response(request, response)


class CommonMiddleware(InLoop, Common):
    pass


class CsrfViewMiddleware(InLoop, Csrf):
    async def process_view(
        self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        return super().process_view(request, view, args, kwargs)


class AuthenticationMiddleware(InLoop, Authentication):
    pass


class MessageMiddleware(InLoop, Messages):
    def may_wait(self, request: HttpRequest) -> bool:
        messages = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class XFrameOptionsMiddleware(InLoop, XFrameOptions):
    pass
