"""The form of a response: a page for people, JSON for programs and for the page's own script.

A view looks things up, acts, and returns an Answer or raises Refused. Which response comes of
either is decided here and nowhere else.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from ..limits import LimitReached
from ..refusals import Refused

AsyncView = Callable[..., Awaitable[HttpResponseBase]]
R = TypeVar("R", bound=HttpResponse)


class SeeOther(HttpResponseRedirect):
    """Redirects to the page that shows the result of a POST (RFC 9110, section 15.4.4)."""

    status_code = 303


@dataclass(frozen=True)
class Answer:
    """The result of a view: people are sent to `page`, programs get `fields` as JSON.

    Either may be a callable, which is called only if it is needed. It may query the database.
    """

    page: str | Callable[[], HttpResponse]
    fields: dict[str, Any] | Callable[[], dict[str, Any]]
    status: int = 200  # of the JSON response


def wants_json(request: HttpRequest) -> bool:
    """Whether JSON or an event stream comes first in Accept, or the body itself is JSON."""
    accepted = request.headers.get("Accept", "")
    is_json = accepted.startswith(("application/json", "text/event-stream"))
    return is_json or request.content_type == "application/json"


def wants_html_parts(request: HttpRequest) -> bool:
    """`?as=html`: the page's script asks for HTML that it inserts into the page."""
    return request.GET.get("as") == "html"


def is_for_script(request: HttpRequest) -> bool:
    """Whether the response is for a program or the page's script, and not a page to look at."""
    return wants_json(request) or wants_html_parts(request)


def answered(
    view: Callable[..., Awaitable[HttpResponseBase | Answer]], *, in_json: bool = False
) -> AsyncView:
    """Make a response of what `view` returns or raises; with `in_json`, always in JSON."""

    @wraps(view)
    async def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        try:
            answer = await view(request, *args, **kwargs)
        except Refused as refused:
            if in_json or wants_json(request):
                return refusal(refused.text, refused.status, retry_after=refused.retry_after)
            return await sync_to_async(_on_page)(request, refused)
        if not isinstance(answer, Answer):
            return answer
        if callable(answer.page) or callable(answer.fields):
            return await sync_to_async(respond)(request, answer)
        return respond(request, answer)

    return wrapped


answered_in_json = partial(answered, in_json=True)


def respond(request: HttpRequest, answer: Answer) -> HttpResponse:
    """The response to give, for a view that adds something to it."""
    if not wants_json(request):
        return answer.page() if callable(answer.page) else SeeOther(answer.page)
    fields = answer.fields() if callable(answer.fields) else answer.fields
    return JsonResponse(fields, status=answer.status)


@contextmanager
def refusals_on(page: str | Callable[[Refused], HttpResponse] | None) -> Iterator[None]:
    """Show people on `page` whatever is refused within this block."""
    try:
        yield
    except Refused as refused:
        refused.page = page
        raise


def refusal(
    text: str,
    status: int,
    *,
    retry_after: int | None = None,
    headers: dict[str, str] | None = None,
) -> JsonResponse:
    """What went wrong and what to do about it, as JSON."""
    return _with_wait(
        JsonResponse({"error": str(text)}, status=status, headers=headers), retry_after
    )


def in_words(
    request: HttpRequest,
    status: int,
    text: str,
    *,
    template: str,
    retry_after: int | None = None,
) -> HttpResponse:
    """What went wrong and what to do about it, as JSON or as a page."""
    if is_for_script(request):
        return refusal(text, status, retry_after=retry_after)
    return _with_wait(render(request, template, {"text": text}, status=status), retry_after)


def too_many(request: HttpRequest, limit: LimitReached) -> HttpResponse:
    """Which limit was reached, and when to try again."""
    return in_words(
        request, 429, limit.text, template="chat/429.html", retry_after=limit.retry_after
    )


def _on_page(request: HttpRequest, refused: Refused) -> HttpResponse:
    if isinstance(refused.page, str):
        messages.error(request, refused.text)
        return SeeOther(refused.page)
    if refused.page:
        return _with_wait(refused.page(refused), refused.retry_after)
    template = "chat/429.html" if refused.status == 429 else "chat/400.html"
    return in_words(
        request, refused.status, refused.text, template=template, retry_after=refused.retry_after
    )


def _with_wait(response: R, seconds: int | None) -> R:
    """`response` with Retry-After, if waiting helps."""
    if seconds:
        response["Retry-After"] = str(seconds)
    return response
