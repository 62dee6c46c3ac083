"""Checks what around the chat would harm it: how it is served, and where it stores."""

import re
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.management import get_commands
from django.utils import timezone

from .conf import conf
from .database import alias, connection

MOUNTS = Path("/proc/mounts")  # Linux has it
ESCAPED = re.compile(r"\\(\d{3})")  # a space in a path is \040 there
MAX_CLOCK_SKEW = 5.0  # seconds
# These share no memory and few locks between machines; the last ones are a VM host's.
NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "lustre", "beegfs"),
    *("fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.gcsfuse"),
    *("9p", "virtiofs", "vboxsf", "fuse.grpcfuse"),
}


@register
def check_asgi(**_: Any) -> list[CheckMessage]:
    """A reply is written by a task that outlives its request; WSGI has no loop for it."""
    if sys.argv[1:2] == ["runserver"] and get_commands()["runserver"] != "daphne":
        hint = "Put daphne first in INSTALLED_APPS, or serve ASGI_APPLICATION with another server."
        return [Error("runserver serves WSGI; the chat needs ASGI.", hint=hint, id="chat.E009")]
    if not settings.WSGI_APPLICATION:
        return []
    hint = "Serve ASGI_APPLICATION, with daphne for example, and take WSGI_APPLICATION out."
    return [Warning("WSGI_APPLICATION is set; the chat needs ASGI.", hint=hint, id="chat.W001")]


@register
def check_sqlite(**_: Any) -> list[CheckMessage]:
    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor != "sqlite" or options.get("transaction_mode") == "IMMEDIATE":
        return []
    hint = 'Set OPTIONS to {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": ' + (
        '"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}.'
    )
    text = "SQLite is as it comes: who writes beside somebody else fails with “database is locked”."
    return [Warning(text, hint=hint, id="chat.W008")]


@register
def check_kept_connections(**_: Any) -> list[CheckMessage]:
    kept = connection.settings_dict["CONN_MAX_AGE"]
    if kept == 0:
        return []
    hint = 'Set it to 0; on PostgreSQL use OPTIONS["pool"].'
    text = f"CONN_MAX_AGE is {kept}; under ASGI every thread would keep a connection."
    return [Warning(text, hint=hint, id="chat.W003")]


@register(deploy=True)
def check_demo(**_: Any) -> list[CheckMessage]:
    if not conf().is_demo:
        return []
    hint = "Set OPENAI_API_KEY, or OPENAI_BASE_URL for another provider than OpenAI."
    return [Warning("The built-in demo model answers.", hint=hint, id="chat.W004")]


@register(deploy=True)
def check_disk(**_: Any) -> list[CheckMessage]:
    if connection.vendor != "sqlite" or not MOUNTS.exists():
        return []
    kind = file_system_of(Path(connection.settings_dict["NAME"]).resolve(), MOUNTS.read_text())
    if kind not in NETWORK:
        return []
    hint = "Use a disk of this machine, or PostgreSQL: https://www.sqlite.org/wal.html"
    text = f"The SQLite database is on {kind}, where its write-ahead log is not safe."
    return [Warning(text, hint=hint, id="chat.W005")]


def file_system_of(path: Path, mounts: str) -> str:
    """The file system type of `path`, by the lines of /proc/mounts; later lines win."""
    kinds = {}
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        kinds[Path(ESCAPED.sub(_character, place))] = kind
    on = [place for place in (path, *path.parents) if place in kinds]
    return kinds[on[0]] if on else ""


def _character(escaped: re.Match) -> str:
    return chr(int(escaped[1], 8))


@register(Tags.database)
def check_clock(databases: list[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Only when databases are checked: at a migration, and when the site starts."""
    if connection.vendor == "sqlite" or alias() not in (databases or ()):
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        skew = abs((cursor.fetchone()[0] - timezone.now()).total_seconds())
    if skew <= MAX_CLOCK_SKEW:
        return []
    hint = "Have both follow a time server. No reply is lost, but times and limits are wrong."
    text = f"The clocks of this machine and of the database are {skew:.0f} s apart."
    return [Warning(text, hint=hint, id="chat.W006")]
