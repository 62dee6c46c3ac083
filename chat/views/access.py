"""Who may call a view, with which methods."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from inspect import iscoroutinefunction

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from ..engine.process import engine
from .answers import Answer, AsyncView, answered, refusal, wants_json
from .fields import fields

Outcome = HttpResponseBase | Answer
View = Callable[..., Outcome | Awaitable[Outcome]]


def methods(*allowed: str) -> Callable[[AsyncView], AsyncView]:
    """Answer any other method with 405 and the list of those allowed."""

    def decorate(view: AsyncView) -> AsyncView:
        @wraps(view)
        async def wrapped(
            request: HttpRequest, *args: object, **kwargs: object
        ) -> HttpResponseBase:
            if request.method in allowed:
                response = await view(request, *args, **kwargs)
                response.setdefault("Cache-Control", "private, no-store")  # it is somebody's
                return response
            text = _("This address takes %s only.") % ", ".join(allowed)
            if wants_json(request):
                return refusal(text, 405, headers={"Allow": ", ".join(allowed)})
            return HttpResponseNotAllowed(allowed, text, content_type="text/plain")

        return without_transaction(wrapped)

    return decorate


def without_transaction(view: AsyncView) -> AsyncView:
    """Exempt an async view from ATOMIC_REQUESTS, under which Django would refuse it."""
    for name in connections:
        view = transaction.non_atomic_requests(using=name)(view)
    return view


def signed_in(view: View, *, is_page: bool = False) -> AsyncView:
    """Let in only users who are logged in. Others get 401 as JSON; on a page, the login form.

    `request.user` is loaded over the engine's connection: the request has neither a connection nor
    a thread yet, and a view that only awaits the engine never needs one. A synchronous view runs
    in a thread. For a page, `request.POST` holds the fields of a form or of JSON alike.
    """
    awaited = view if iscoroutinefunction(view) else sync_to_async(view)

    @partial(answered, in_json=not is_page)
    @wraps(view)
    async def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> Outcome:
        if not await engine().requests.read(_is_signed_in, request):
            if is_page and not wants_json(request):
                return _to_login(request)
            return not_signed_in()
        if is_page and request.method == "POST":
            request.POST = fields(request)
        return await awaited(request, *args, **kwargs)

    return wrapped


page_for_signed_in = partial(signed_in, is_page=True)


def not_signed_in() -> HttpResponse:
    return refusal(_("You are not logged in. Log in and try again."), 401)


def _to_login(request: HttpRequest) -> HttpResponse:
    is_page = request.method == "GET"
    return redirect_to_login(request.get_full_path() if is_page else reverse("chat:new"))


def _is_signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated
