"""Where a request comes from, for limits on anonymous visitors."""

from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

from .conf import conf

SITE_PREFIX = 64  # bits of an IPv6 address that identify one site


def address_of(request: HttpRequest) -> str:
    """The visitor's address, or its network in IPv6; empty if the server knows none.

    Each of the CHAT_PROXIES appends its client's address to X-Forwarded-For. Anything further to
    the left may be forged.
    """
    address = request.META.get("REMOTE_ADDR") or ""
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    if conf().CHAT_PROXIES and forwarded:
        hops = forwarded.split(",")
        address = hops[-min(conf().CHAT_PROXIES, len(hops))]
    return _normalized(address.strip())


def _normalized(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    network = int(parsed) >> (128 - SITE_PREFIX)
    return str(parsed.ipv4_mapped or f"{network:x}/{SITE_PREFIX}")
