"""Attempts to log in, counted before the password is looked at, on every way to log in."""

from typing import Any

from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest

from chat.limits import LimitReached, check_signing_in, forget_signing_in


class Limited:
    """The first of the site's AUTHENTICATION_BACKENDS: refuses who has tried too often.

    It knows nobody itself. The view finds in `request.limit_reached` why somebody was refused.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, **credentials: Any
    ) -> None:
        name = username or credentials.get("email")
        if request is None or not name:  # no visitor
            return
        try:
            check_signing_in(request, name)
        except LimitReached as limit:
            request.limit_reached = limit
            raise PermissionDenied from limit
        request.signing_in_as = name


@receiver(user_logged_in)
def _forget(request: HttpRequest, **_: Any) -> None:
    if name := getattr(request, "signing_in_as", None):
        forget_signing_in(request, name)
