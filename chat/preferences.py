"""How a person wants the site, in cookies: pages read them without asking the database."""

from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from .models import Preferences

THEME_COOKIE = "theme"
ZONE_COOKIE = "timezone"  # set by the page's script
AGE = 365 * 24 * 3600  # seconds


def preferences(request: HttpRequest) -> dict[str, str]:
    """For templates: `theme` and `language` as chosen; empty is as the browser says."""
    theme = request.COOKIES.get(THEME_COOKIE)
    language = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME)
    return {
        "theme": theme if theme in Preferences.Theme.values else "",
        "language": language if language in dict(settings.LANGUAGES) else "",
    }


def remember(response: HttpResponseBase, theme: str = "", language: str = "") -> None:
    """Set the cookies of what is chosen, and delete those of what is not."""
    chosen = {THEME_COOKIE: theme, settings.LANGUAGE_COOKIE_NAME: language}
    for name, value in chosen.items():
        if value:
            secure = settings.SESSION_COOKIE_SECURE
            response.set_cookie(
                name, value, max_age=AGE, secure=secure, httponly=True, samesite="Lax"
            )
        else:
            response.delete_cookie(name, samesite="Lax")


def zone(request: HttpRequest) -> tzinfo:
    """The time zone of the browser; the site's, where no script has told it."""
    return _zone(request.COOKIES.get(ZONE_COOKIE, "")) or timezone.get_default_timezone()


@lru_cache(maxsize=1_000)
def _zone(name: str) -> ZoneInfo | None:
    """Whatever it is that a browser calls its zone; one that is not known here is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None
