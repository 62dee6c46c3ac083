"""The site's settings: the only reader of the environment. A fresh clone runs with none set."""

from dataclasses import fields
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from chat.conf import Conf
from project import private, reading
from project.accounts import providers

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# What the site writes at run time: the SQLite database, the collected static files, the secret key.
# Readable by its owner only.
DATA_DIR = env.path("DATA_DIR", default=str(BASE_DIR / "var"))
private.make_directory(Path(DATA_DIR))


# The site and its address

SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in ("http", "https") or not _site.hostname:
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}; it must be an address like https://chat.example.com"
    )
HTTPS = _site.scheme == "https"

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or private.kept_key(Path(DATA_DIR) / "secret_key")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=sorted({_site.hostname, "localhost", "127.0.0.1", "[::1]"})
)
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
# These bind other sites of the domain too, and for a long time: only on request.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = 30 * 24 * 3600  # seconds
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # bytes of a request's body

# How long a client may take, in seconds (project/server.py)
HEADERS_TIMEOUT = env.float("HEADERS_TIMEOUT", default=20)  # to send all headers of a request
BODY_TIMEOUT = env.float("BODY_TIMEOUT", default=60)  # to send all of its body
READER_TIMEOUT = env.float("READER_TIMEOUT", default=60)  # to read any of what is buffered
if min(HEADERS_TIMEOUT, BODY_TIMEOUT, READER_TIMEOUT) <= 0:
    raise ImproperlyConfigured(
        "HEADERS_TIMEOUT, BODY_TIMEOUT and READER_TIMEOUT must be above 0 seconds."
    )

# No inline script or style, nothing from other hosts; violations are reported.
CONTENT_SECURITY_POLICY = {
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
        "report-uri": ["/csp-reports"],  # report-to is for public https addresses only
    },
}
# The admin's jQuery and menus make HTML from strings.
CONTENT_SECURITY_POLICY_OF_ADMIN = {"require-trusted-types-for": None, "trusted-types": None}
_NOT_USED = "camera", "display-capture", "geolocation", "microphone", "payment", "usb"
PERMISSIONS_POLICY = ", ".join(f"{feature}=()" for feature in _NOT_USED)

# Applications

INSTALLED_APPS = [
    "chat",
    "project",
    "project.admin.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
]

MIDDLEWARE = [
    "project.middleware.SecurityMiddleware",
    "project.static.StaticFilesMiddleware",
    "project.middleware.GZipMiddleware",
    "project.middleware.CSPMiddleware",
    "project.middleware.SessionMiddleware",
    "project.middleware.LocaleMiddleware",
    "project.middleware.CommonMiddleware",
    "project.middleware.CsrfViewMiddleware",
    "project.middleware.AuthenticationMiddleware",
    "project.middleware.MessageMiddleware",
    "project.middleware.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # runs on the event loop as shipped
]

# These look for Django's own class names in MIDDLEWARE and ignore subclasses.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]
# These want HSTS for all subdomains and in browsers' own lists, which is the domain's to decide.
SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]

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

LEAST_POOL = 8  # connections of a process to PostgreSQL
DATABASES = {
    "default": env.db_url("DATABASE_URL", default=f"sqlite:///{Path(DATA_DIR) / 'db.sqlite3'}")
}
_database = DATABASES["default"]
# A connection is released when its request ends or its stream begins; none is kept.
_database["CONN_MAX_AGE"] = 0
if _database["ENGINE"].endswith("sqlite3"):
    if not _database["NAME"].startswith((":", "file:")):
        private.make_database(Path(_database["NAME"]))
    # Readers run beside one writer; writers wait their turn instead of failing with "locked".
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,  # seconds
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif _database["ENGINE"].endswith("postgresql"):
    _database["CONN_HEALTH_CHECKS"] = True  # the pool hands out no connection that the server ended
    _database["DISABLE_SERVER_SIDE_CURSORS"] = (
        True  # pgbouncer may change servers between two reads
    )
    DATABASE_POOL = env.int("DATABASE_POOL", default=20)
    if DATABASE_POOL < LEAST_POOL:
        raise ImproperlyConfigured(
            f"DATABASE_POOL is {DATABASE_POOL}; it must be at least {LEAST_POOL}: "
            "five connections for the replies of a process, and three for its pages."
        )
    CHAT_CONNECTIONS = DATABASE_POOL * 2 // 3  # of them; the rest are for pages
    _database.setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": DATABASE_POOL - CHAT_CONNECTIONS,
        "timeout": 10,  # seconds a request waits for a connection
        "reconnect_timeout": 2,  # seconds of growing pauses, then at once for who asks
    }

# Accounts

AUTHENTICATION_BACKENDS = [
    "project.accounts.attempts.Limited",  # before those that look at passwords
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "project.passwords.Argon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # older hashes; the next login renews them
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How the site sends mail. Without it, passwords cannot be reset.
if env.str("EMAIL_URL", default=""):
    _mail = env.email_url("EMAIL_URL")
    globals().update(_mail, MAIL_BACKEND=_mail["EMAIL_BACKEND"])
    EMAIL_BACKEND = "project.mail.Backend"
    EMAIL_TIMEOUT = 10  # seconds
    DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default=f"parley@{_site.hostname}")
    CAN_RESET_PASSWORDS = True
else:
    CAN_RESET_PASSWORDS = False
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "chat:new"
LOGOUT_REDIRECT_URL = "/accounts/login/?left"  # where script clears what the browser has stored
CSRF_FAILURE_VIEW = "project.errors.csrf_failure"

# Sign-up, second factors and logging in through others: django-allauth

SIGN_UP = env.bool("SIGN_UP", default=False)
if SIGN_UP and not CAN_RESET_PASSWORDS:
    raise ImproperlyConfigured("SIGN_UP is on; it wants EMAIL_URL, to confirm addresses by mail.")
ACCOUNT_ADAPTER = "project.accounts.adapters.Accounts"
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}  # codes of a second factor, for each person
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # to connect an account of another host
MFA_TOTP_ISSUER = "Parley"
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", default=False)

SSO_SIGN_UP = env.bool("SSO_SIGN_UP", default=False)
SOCIALACCOUNT_ADAPTER = "project.accounts.adapters.OtherHosts"
SOCIALACCOUNT_FORMS = {"disconnect": "project.accounts.forms.DisconnectForm"}
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_PROVIDERS = {}
# Single sign-on redirects a form to another host, which Chromium allows only if the policy does.
_form_action = CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"]
_form_action += env.list("SSO_HOSTS", default=[])
OIDC_ISSUER = env.str("OIDC_ISSUER", default="").rstrip("/")
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = providers.oidc(
        OIDC_ISSUER,
        env.str("OIDC_CLIENT_ID", default=""),
        env.str("OIDC_CLIENT_SECRET", default=""),
        env.str("OIDC_NAME", default="OpenID Connect"),
    )
    INSTALLED_APPS += ["allauth.socialaccount.providers.openid_connect"]
    _form_action += [providers.origin("OIDC_ISSUER", OIDC_ISSUER)]
SAML_METADATA_URL = env.str("SAML_METADATA_URL", default="")
if SAML_METADATA_URL:
    SOCIALACCOUNT_PROVIDERS["saml"] = providers.saml(
        SAML_METADATA_URL,
        env.str("SAML_ENTITY_ID", default=""),
        env.str("SAML_NAME", default="SAML"),
    )
    INSTALLED_APPS += ["allauth.socialaccount.providers.saml"]
    _form_action += [providers.origin("SAML_METADATA_URL", SAML_METADATA_URL)]

# Shared by all processes: django-allauth's counters, and which codes have been used.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # beyond which some are culled
    }
}

# Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français")]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = USE_TZ = True
LOCALE_PATHS = [BASE_DIR / "chat" / "locale"]  # with the texts of the templates

# Static files

STATIC_URL = "/static/"
WHITENOISE_ALLOW_ALL_ORIGINS = False  # they are for this site's pages
STATIC_ROOT = Path(DATA_DIR) / "static"
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = private.FILE, private.DIRECTORY
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "project.static.StaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "project.logs.Line",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "filters": {
        "outage": {"()": "project.logs.Outage"},
        "clients": {"()": "project.logs.Clients"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["clients"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django.request": {"filters": ["outage"]},
        "chat": {"level": env.str("LOG_LEVEL", default="INFO")},
        "daphne": {"level": "WARNING"},
        # At level DEBUG these would log messages, and the key.
        "openai": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}

# The chat: chat/conf.py documents each setting with its unit and default.

for _field in fields(Conf):
    if _field.name in env.ENVIRON:
        globals()[_field.name] = reading.read(env, _field.name, _field.type)
globals().update(reading.of_providers(env, globals().get("CHAT_PROVIDERS", [])))
