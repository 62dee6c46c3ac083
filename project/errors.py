"""Errors that no view answers itself, as a page or as JSON."""

import sys

from django.core.exceptions import TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.utils.translation import gettext as _

from chat.engine.database import is_outage
from chat.views.answers import in_words
from chat.views.errors import RETRY_AFTER, connect_anew


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, TooManyFieldsSent):
        request.GET = QueryDict()  # perhaps there, and then it cannot be read here either
    return _answer(request, 400, _("This request cannot be understood."))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(request, 403, _("You may not do this."))


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    return _answer(request, 404, _("There is nothing here, or it is not yours."))


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    if is_outage(error):
        connect_anew(error)
        text = _("The database does not answer. Try again in a moment.")
        return in_words(request, 503, text, template="500.html", retry_after=RETRY_AFTER)
    return _answer(request, 500, _("Something went wrong on our side. Try again in a moment."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The person's cookie is missing or too old, or another site sent them here."""
    text = _("This page is too old to send from. Reload it and try again.")
    if reason == REASON_NO_CSRF_COOKIE:
        text = _("Your browser sent no cookie. Allow cookies for this site, reload and try again.")
    return in_words(request, 403, text, template="403_csrf.html")


def _answer(request: HttpRequest, status: int, text: str) -> HttpResponse:
    return in_words(request, status, text, template=f"{status}.html")
