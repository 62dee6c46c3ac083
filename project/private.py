"""Files that only the site's own user can read: databases, keys and collected files."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

DIRECTORY, FILE = 0o700, 0o600
FOR_OTHERS = 0o077
# Files beside a SQLite database; those that SQLite makes get the mode of the database.
BESIDE = ("", "-wal", "-shm", "-journal", ".lock")


def make_directory(path: Path) -> None:
    """Make it private. An existing one may have other uses; a check warns if it is open."""
    path.mkdir(DIRECTORY, parents=True, exist_ok=True)


def make_database(path: Path) -> None:
    """Make an empty one if there is none, and make private what an earlier version left open."""
    if path.parent.is_dir() and not path.exists():
        path.touch(FILE)
    for each in (path.with_name(path.name + suffix) for suffix in BESIDE):
        if each.exists() and is_open(each) and each.stat().st_uid == os.geteuid():
            each.chmod(FILE)


def is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & FOR_OTHERS)


def kept_key(path: Path) -> str:
    """The key in `path`, made atomically on the first run, readable by its owner only."""
    if not path.exists():
        with NamedTemporaryFile("w", dir=path.parent) as draft:
            draft.write(secrets.token_urlsafe(64))
            draft.flush()
            with suppress(FileExistsError):  # another process was first
                os.link(draft.name, path)
    return path.read_text()
