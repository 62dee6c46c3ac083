"""A user's display settings, in cookies: pages read them without a query."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from .models import Preferences

THEME_COOKIE = "theme"
ZONE_COOKIE = "timezone"  # set by the page's script
AGE = 365 * 24 * 3600  # seconds


def preferences(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Context processor: `preferences`, with `theme` and `language` as chosen; empty means the
    browser's. Optional: without it, users are offered no choice."""
    theme = request.COOKIES.get(THEME_COOKIE)
    language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    chosen = {
        "theme": theme if theme in Preferences.Theme.values else "",
        "language": language if language in dict(settings.LANGUAGES) else "",
    }
    return {"preferences": chosen}


def remember(response: HttpResponseBase, theme: str = "", language: str = "") -> None:
    """Set the cookies of what is chosen, and delete the others."""
    chosen = {THEME_COOKIE: theme, settings.LANGUAGE_COOKIE_NAME: language}
    for name, value in chosen.items():
        if value:
            secure = settings.SESSION_COOKIE_SECURE
            response.set_cookie(
                name, value, max_age=AGE, secure=secure, httponly=True, samesite="Lax"
            )
        else:
            response.delete_cookie(name, samesite="Lax")


def recall(response: HttpResponseBase, user: AbstractBaseUser) -> None:
    """Set the cookies to what the user who logs in chose earlier, if anything."""
    kept = Preferences.objects.filter(user=user).first()
    if kept:
        remember(response, kept.theme, kept.language)


def zone(request: HttpRequest) -> tzinfo:
    """The time zone of the browser; the site's, if no script has set it."""
    return _zone(request.COOKIES.get(ZONE_COOKIE, "")) or timezone.get_default_timezone()


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo | None:
    """None for a name that is not known here: browsers may send anything."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None
