"""Errors that no view answers itself, as a page or as JSON."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render
from django.utils.translation import gettext as _

from .access import refusal, wants_html_parts, wants_json


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 400, _("This request cannot be understood."))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, _("You may not do this."))


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    return _answer(request, 404, _("There is nothing here, or it is not yours."))


def server_error(request: HttpRequest) -> HttpResponse:
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        text = _("The database does not answer. Try again in a moment.")
        return _answer(request, 503, text, template="500.html")
    return _answer(request, 500, _("Something went wrong on our side. Try again in a moment."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The person's cookie is missing or too old, or another site sent them here."""
    text = _("This page is too old to send from. Reload it and try again.")
    if reason == REASON_NO_CSRF_COOKIE:
        text = _("Your browser sent no cookie. Allow cookies for this site, reload and try again.")
    return _answer(request, 403, text, template="403_csrf.html")


def _answer(request: HttpRequest, status: int, text: str, template: str = "") -> HttpResponse:
    if wants_json(request) or wants_html_parts(request):
        return refusal(text, status)
    return render(request, template or f"{status}.html", {"text": text}, status=status)
