"""What the settings say of logging in through other hosts."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from project.accounts import providers


@pytest.mark.parametrize(
    ("kind", "words", "missing"),
    [
        ("oidc", ("https://id.example.com", "", "secret", ""), "OIDC_CLIENT_ID"),
        ("oidc", ("https://id.example.com", "parley", "", ""), "OIDC_CLIENT_SECRET"),
        ("oidc", ("http://id.example.com", "parley", "secret", ""), "https"),
        ("oidc", ("id.example.com", "parley", "secret", ""), "https"),
        ("saml", ("https://id.example.com/metadata", "", ""), "SAML_ENTITY_ID"),
        ("saml", ("http://id.example.com/metadata", "id", ""), "https"),
    ],
)
def test_what_is_missing_is_told(kind, words, missing):
    with pytest.raises(ImproperlyConfigured, match=missing):
        getattr(providers, kind)(*words)


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://id.example.com/realms/one", "https://id.example.com"),
        ("https://id.example.com:8443/", "https://id.example.com:8443"),
        ("http://localhost:8080/realms/one", "http://localhost:8080"),
    ],
)
def test_a_form_may_lead_to_the_origin(address, origin):
    assert providers.origin("OIDC_ISSUER", address) == origin
