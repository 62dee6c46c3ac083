"""How a person wants the site, in cookies: pages read them without asking the database."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .models import Preferences

THEME_COOKIE = "theme"
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
