"""Django's own middleware, run on the event loop.

As shipped, each of them takes an async request to a thread and back twice, about 0.1 ms each time.
None of them blocks, except to save a session or to compress a large page.
"""

import codecs
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from csp.middleware import CSPMiddleware as CSP
from csp.middleware import PolicyParts
from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as Authentication
from django.contrib.messages.middleware import MessageMiddleware as Messages
from django.contrib.sessions.middleware import SessionMiddleware as Session
from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware as XFrameOptions
from django.middleware.common import CommonMiddleware as Common
from django.middleware.csrf import CsrfViewMiddleware as Csrf
from django.middleware.gzip import GZipMiddleware as GZip
from django.middleware.locale import LocaleMiddleware as Locale
from django.middleware.security import SecurityMiddleware as Security
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from chat.preferences import zone

LARGE = 32 * 1024  # bytes; to compress more takes milliseconds


class InLoop:
    """For a MiddlewareMixin: calls its methods directly; in a thread only what may block."""

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        response = self.process_request(request) if hasattr(self, "process_request") else None
        response = response or await self.get_response(request)
        if not hasattr(self, "process_response"):
            return response
        if self.may_wait(request, response):
            return await sync_to_async(self.process_response)(request, response)
        return self.process_response(request, response)

    def may_wait(self, request: HttpRequest, response: HttpResponse) -> bool:
        """Whether `process_response` needs the database, or more than a millisecond."""
        return False


class SecurityMiddleware(InLoop, Security):
    """Also forbids caching by default: responses are private, but static files say otherwise."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response.setdefault("Permissions-Policy", settings.PERMISSIONS_POLICY)
        response.setdefault("Cache-Control", "private, no-store")
        return super().process_response(request, response)


class GZipMiddleware(InLoop, GZip):
    """Pages and JSON, with Django's random padding against BREACH; the tokens in forms are masked
    anew each time. Never streams: a compressor would hold their pieces back."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        return response if response.streaming else super().process_response(request, response)

    def may_wait(self, request: HttpRequest, response: HttpResponse) -> bool:
        return not response.streaming and len(response.content) > LARGE


class CSPMiddleware(InLoop, CSP):
    """Django's admin needs other directives; they are in the settings."""

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponse, report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.resolver_match and "admin" in request.resolver_match.namespaces:
            parts.replace = settings.CONTENT_SECURITY_POLICY_OF_ADMIN
        return parts


class SessionMiddleware(InLoop, Session):
    def may_wait(self, request: HttpRequest, response: HttpResponse) -> bool:
        return request.session.modified


class LocaleMiddleware(InLoop, Locale):
    """Also activates the time zone. Varies on Cookie, which holds zone, language and theme."""

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
        """Reads the body before Django parses the form for its token, so that views can read it.

        A form may declare any of Python's codecs as its charset, even `hex`.
        """
        charset = request.encoding if request.method == "POST" else None
        if charset and codecs.lookup(charset).name != "utf-8":
            raise BadRequest("not UTF-8")
        with suppress(RequestDataTooBig):
            _ = request.body
        return super().process_view(request, view, args, kwargs)


class AuthenticationMiddleware(InLoop, Authentication):
    pass


class MessageMiddleware(InLoop, Messages):
    def may_wait(self, request: HttpRequest, response: HttpResponse) -> bool:
        messages = getattr(request, "_messages", None)
        return messages is not None and (messages.used or messages.added_new)


class XFrameOptionsMiddleware(InLoop, XFrameOptions):
    pass
