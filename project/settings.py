"""The site's settings: the only reader of the environment. A fresh clone runs with none set."""

import os
import secrets
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from tempfile import NamedTemporaryFile
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from chat.conf import Conf

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# What the site writes at run time: the SQLite database, the collected static files, the secret key.
DATA_DIR = env.path("DATA_DIR", default=str(BASE_DIR / "var"))
Path(DATA_DIR).mkdir(parents=True, exist_ok=True)


def _kept_secret_key(path: Path) -> str:
    """The key in `path`; made on the first run, whole at once, readable by its owner only."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as draft:
            draft.write(secrets.token_urlsafe(64))
            draft.flush()
            with suppress(FileExistsError):  # another process was first
                os.link(draft.name, path)
    return path.read_text()


# The site and its address

SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in ("http", "https") or not _site.hostname:
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}; it must be an address like https://chat.example.com"
    )
HTTPS = _site.scheme == "https"

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret_key(Path(DATA_DIR) / "secret_key")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=sorted({_site.hostname, "localhost", "127.0.0.1", "[::1]"})
)
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 30 * 24 * 3600  # seconds
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a request's body

# No inline script or style, nothing from other hosts. Django's own admin pages are excepted.
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin/"],
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["parley"],
    },
}

# Applications

INSTALLED_APPS = [
    "chat",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
]

MIDDLEWARE = [
    "project.middleware.SecurityMiddleware",
    "project.static.StaticFilesMiddleware",
    "project.middleware.CSPMiddleware",
    "project.middleware.SessionMiddleware",
    "project.middleware.LocaleMiddleware",
    "project.middleware.CommonMiddleware",
    "project.middleware.CsrfViewMiddleware",
    "project.middleware.AuthenticationMiddleware",
    "project.middleware.MessageMiddleware",
    "project.middleware.XFrameOptionsMiddleware",
]

# These look for Django's own class names in MIDDLEWARE and know no subclasses.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]

ROOT_URLCONF = "project.urls"
ASGI_APPLICATION = "project.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "chat.preferences.preferences",
            ]
        },
    }
]

# The database

DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{Path(DATA_DIR) / 'db.sqlite3'}")
}
_database = DATABASES["default"]
# A connection is given back when its request ends, or when its stream begins: none is kept.
_database["CONN_MAX_AGE"] = 0
if _database["ENGINE"].endswith("sqlite3"):
    # Readers beside one writer; writers wait their turn instead of failing with "locked".
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif _database["ENGINE"].endswith("postgresql"):
    _database["CONN_HEALTH_CHECKS"] = True  # the pool hands out no connection that the server ended
    _database.setdefault("OPTIONS", {}).update(
        {
            "pool": {
                "min_size": 1,
                "max_size": env.int("DATABASE_POOL", default=5),
                "timeout": 15,  # seconds a request waits for a connection
            },
            "connect_timeout": 5,  # seconds
            # A process that is paused inside a transaction must not hold its locks (milliseconds).
            "options": "-c idle_in_transaction_session_timeout=5000",
        }
    )

# Accounts

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How the site sends mail; without it nobody can be sent a link to reset a password.
if env.str("EMAIL_URL", default=""):
    globals().update(env.email_url("EMAIL_URL"))
    DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=f"parley@{_site.hostname}")
    CAN_RESET_PASSWORDS = True
else:
    CAN_RESET_PASSWORDS = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chat:new"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "chat.views.errors.csrf_failure"

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]  # the templates' texts stand there too

# Static files

STATIC_URL = "/static/"
STATIC_ROOT = Path(DATA_DIR) / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.static.StaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"outage": {"()": "project.logs.Outage"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django.request": {"filters": ["outage"]},
        "chat": {"level": env.str("LOG_LEVEL", default="INFO")},
        "daphne": {"level": "WARNING"},
        # At level DEBUG these would write what people say, and the key.
        "openai": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}

# The chat: chat/conf.py says what each one is, its unit, and what it is when it is not set.

_READERS = {
    str: env.str,
    bool: env.bool,
    int: env.int,
    float: env.float,
    float | None: lambda name: env.float(name) if env.str(name) else None,
    list[str]: env.list,
    dict: env.json,
}
for _field in fields(Conf):
    if _field.name in env.ENVIRON:
        globals()[_field.name] = _READERS[_field.type](_field.name)
