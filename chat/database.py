"""The chat's database: the one that the site's routers choose for its models."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connections, router, transaction


@cache
def alias() -> str:
    """Its name in DATABASES; read once, because it has to stay the same."""
    return router.db_for_write(apps.get_model("chat", "Message"))


class Connection:
    """This thread's connection to it, as `django.db.connection` is one to the default."""

    def __getattr__(self, name: str) -> Any:
        return getattr(connections[alias()], name)


connection = Connection()


@contextmanager
def atomic(*, savepoint: bool = True) -> Iterator[None]:
    """A transaction in it, or part of the current one; also a decorator: `@atomic()`."""
    with transaction.atomic(alias(), savepoint):
        yield
