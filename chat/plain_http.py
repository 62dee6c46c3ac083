"""Whether others can read what goes to an address. For settings, checks and provider."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """Whether it is this machine, as `localhost` or by its address. Other names are not resolved:
    DNS is for others to change."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_open_on_the_way(address: str) -> bool:
    """Whether key and prompt would leave this machine in plain text."""
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
