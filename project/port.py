"""Whether the site can listen where it is told to, and where else it could."""

import errno
import socket
from contextlib import suppress

from django.core.management import CommandError

PORTS = range(1, 65_536)
FIRST_FREE_FOR_ALL = 1024  # below it a port wants special rights


def require_free(host: str, port: int) -> None:
    """Raises CommandError, with what to do, if the site cannot listen there."""
    if port not in PORTS:
        raise CommandError(f"--port is {port}. It must be from 1 to {PORTS[-1]}.")
    try:
        _try(host, port)
    except OSError as error:
        raise CommandError(_explain(error, host, port)) from None


def _try(host: str, port: int) -> None:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def _explain(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken, perhaps by a Parley that is running already. "
            f"The next free one: manage.py start --port {_next_free(host, port)}"
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is reserved for the system. Take a higher one: --port 8000"
    return f"--host is {host}, which is no address of this machine. Leave it out, or take 0.0.0.0."


def _next_free(host: str, port: int) -> int:
    for candidate in [*PORTS[port:], *range(FIRST_FREE_FOR_ALL, port)]:
        with suppress(OSError):
            _try(host, candidate)
            return candidate
    raise CommandError("All ports of this machine are taken.")
