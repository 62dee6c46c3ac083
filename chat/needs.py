"""Checks for the parts of Django that the chat needs."""

from inspect import isclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, register
from django.db import router
from django.utils.module_loading import import_string

from .database import alias

APPS = tuple(f"django.contrib.{name}" for name in ("auth", "sessions", "messages", "staticfiles"))
MIDDLEWARE = (
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
CONTEXT_PROCESSORS = (
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
)
USER_COLUMNS = ("is_active", "password")  # streams end when either changes


@register
def check_time_zones(**_: Any) -> list[CheckMessage]:
    if settings.USE_TZ:
        return []
    hint = "Set it to True: in local time an hour of each year is there twice."
    return [Error("USE_TZ is off.", hint=hint, id="chat.E010")]


@register
def check_people(**_: Any) -> list[CheckMessage]:
    columns = {each.name for each in get_user_model()._meta.fields}
    hint = "Add it. Whatever else that model has, and what its primary key is, is the site's."
    return [
        Error(f"The user model has no column {name}.", hint=hint, id="chat.E011")
        for name in USER_COLUMNS
        if name not in columns
    ]


@register
def check_parts(**_: Any) -> list[CheckMessage]:
    missing = [name for name in APPS if not apps.is_installed(name)]
    missing += [name for name in MIDDLEWARE if not _has_middleware(import_string(name))]
    missing += [name for name in CONTEXT_PROCESSORS if name not in _context_processors()]
    hint = "It is where `django-admin startproject` has it: an app, middleware, context processor."
    return [Error(f"{name} is missing.", hint=hint, id="chat.E012") for name in missing]


def _has_middleware(wanted: type) -> bool:
    """Itself, or a subclass."""
    there = map(import_string, settings.MIDDLEWARE)
    return any(isclass(each) and issubclass(each, wanted) for each in there)


def _context_processors() -> set[str]:
    options = [each.get("OPTIONS", {}) for each in settings.TEMPLATES]
    return {name for each in options for name in each.get("context_processors", ())}


@register
def check_databases(**_: Any) -> list[CheckMessage]:
    """Writes must be readable at once, and chats refer to their users."""
    hint = "Let the routers answer with one database for both."
    reads, people = router.db_for_read(_messages()), router.db_for_write(get_user_model())
    errors = []
    if reads != alias():
        text = f"The chat is written to the database {alias()!r}, and read from {reads!r}."
        errors.append(Error(text, hint=hint, id="chat.E013"))
    if people != alias():
        text = f"The chat is in the database {alias()!r}, and its people are in {people!r}."
        errors.append(Error(text, hint=hint, id="chat.E014"))
    return errors


def _messages() -> type:
    return apps.get_model("chat", "Message")
