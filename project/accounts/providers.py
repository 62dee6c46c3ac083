"""Single sign-on from the settings, in django-allauth's form."""

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from chat.plain_http import is_open_on_the_way


def oidc(issuer: str, client_id: str, secret: str, name: str) -> dict[str, Any]:
    """OpenID Connect; the provider tells the rest (OpenID Connect Discovery)."""
    if not client_id or not secret:
        raise ImproperlyConfigured("OIDC_ISSUER wants OIDC_CLIENT_ID and OIDC_CLIENT_SECRET.")
    origin("OIDC_ISSUER", issuer)
    app = {
        "provider_id": "oidc",
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "verified_email": True, "oauth_pkce_enabled": True},
    }
    return {"APPS": [app]}


def saml(metadata_url: str, entity_id: str, name: str) -> dict[str, Any]:
    """SAML 2.0; the identity provider publishes its metadata."""
    if not entity_id:
        raise ImproperlyConfigured("SAML_METADATA_URL wants SAML_ENTITY_ID.")
    if not find_spec("onelogin"):
        raise ImproperlyConfigured("SAML wants a package more: pip install 'django-allauth[saml]'")
    origin("SAML_METADATA_URL", metadata_url)
    app = {
        "provider_id": entity_id,
        "name": name,
        "client_id": "sso",  # in the URLs: /accounts/saml/sso/
        "settings": {
            "idp": {"entity_id": entity_id, "metadata_url": metadata_url},
            "verified_email": True,
        },
    }
    return {"APPS": [app]}


def origin(name: str, address: str) -> str:
    """The origin of the URL in the setting `name`, which must be encrypted in transit."""
    parts = urlsplit(address)
    if parts.scheme in ("https", "http") and not is_open_on_the_way(address):
        return f"{parts.scheme}://{parts.netloc}"
    raise ImproperlyConfigured(f"{name} is {address!r}; it must be an address with https.")
