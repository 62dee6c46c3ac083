"""Who is asking, and in which form the answer goes back: a page for people, JSON for programs."""

from collections.abc import Awaitable, Callable
from functools import partial, wraps

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase as Response
from django.utils.translation import gettext as _

from ..engine import engine

AsyncView = Callable[..., Awaitable[Response]]


class SeeOther(HttpResponseRedirect):
    """To the page that shows what a POST has done (RFC 9110, section 15.4.4)."""

    status_code = 303


def wants_json(request: HttpRequest) -> bool:
    """Programs and the page's own script name JSON or an event stream first."""
    accepted = request.headers.get("Accept", "")
    is_json = accepted.startswith(("application/json", "text/event-stream"))
    return is_json or request.content_type == "application/json"


def wants_html_parts(request: HttpRequest) -> bool:
    """`?as=html`: what the page's script asks for to put it into the page."""
    return request.GET.get("as") == "html"


def refusal(
    text: str,
    status: int,
    *,
    retry_after: int | None = None,
    headers: dict[str, str] | None = None,
) -> JsonResponse:
    """What went wrong and what to do, for programs."""
    headers = dict(headers or {}) | ({"Retry-After": str(retry_after)} if retry_after else {})
    return JsonResponse({"error": str(text)}, status=status, headers=headers)


def methods(*allowed: str) -> Callable[[AsyncView], AsyncView]:
    """Other verbs get 405, with the allowed ones."""

    def decorate(view: AsyncView) -> AsyncView:
        @wraps(view)
        async def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> Response:
            if request.method in allowed:
                return await view(request, *args, **kwargs)
            text = _("This address takes %s only.") % ", ".join(allowed)
            if wants_json(request):
                return refusal(text, 405, headers={"Allow": ", ".join(allowed)})
            return HttpResponseNotAllowed(allowed, text, content_type="text/plain")

        return wrapped

    return decorate


def signed_in(view: AsyncView, *, is_page: bool = False) -> AsyncView:
    """For people who are logged in. Others get 401 with JSON; from a page, the way to log in.

    The view finds the person in `request.user`. Asked over the engine's connection: the request has
    none and no thread yet, and a view that only waits for the engine will need none.
    """

    @wraps(view)
    async def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> Response:
        if await engine().requests.read(_is_signed_in, request):
            return await view(request, *args, **kwargs)
        if is_page and not wants_json(request):
            return redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
        return not_signed_in()

    return wrapped


def _is_signed_in(request: HttpRequest) -> bool:
    return request.user.is_authenticated


def not_signed_in() -> JsonResponse:
    return refusal(_("You are not logged in. Log in and try again."), 401)


page_for_signed_in = partial(signed_in, is_page=True)
