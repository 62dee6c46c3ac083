import asyncio
import fcntl
import gc
import os
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import Tags
from django.core.management import BaseCommand, call_command
from django.db import DEFAULT_DB_ALIAS, connection

from chat.conf import ProviderConf, conf
from chat.engine.database import own_connection
from chat.naming import find
from chat.provider import Listed, Provider
from project.port import require_free

START_LOCK = 7_275_397  # an advisory lock's number, the same in all processes
GARBAGE = 20_000  # new objects until the next look for unreachable ones; Python's own is 700
BACKLOG = 4096  # connections that may arrive at once; daphne alone would refuse all beyond 50
MODELS_SHOWN = 5


class Command(BaseCommand):
    help = "Prepares the database on the first run, and serves the site with daphne."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *, host: str, port: int, **_: Any) -> None:
        with one_at_a_time():
            call_command("migrate", verbosity=0)
            call_command("collectstatic", interactive=False, verbosity=0)
            require_free(host, port)
            account = make_first_account()
        self.check(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS])
        self._tell_provider()
        address = f"[{host}]" if ":" in host else host
        self.stdout.write(f"Parley is at http://{address}:{port}/  (Ctrl-C ends it)")
        if account:
            self.stdout.write(self.style.SUCCESS(account))
        self.stdout.flush()
        serve(host, port)

    def _tell_provider(self) -> None:
        if conf().is_demo:
            self.stdout.write(
                "The built-in demo model answers. To connect a real one, set OPENAI_API_KEY, or "
                "OPENAI_BASE_URL for another provider, in the environment or in .env."
            )
            return
        for provider, listed in asyncio.run(look()):
            where = provider.name if conf().CHAT_PROVIDERS else conf().OPENAI_BASE_URL or "OpenAI"
            if listed.trouble:
                said = f"{where}: {listed.trouble.told(provider)}"
                self.stdout.write(self.style.WARNING(said))
            else:
                chosen = [id for owner, id in map(find, conf().CHAT_MODELS) if owner == provider]
                models = in_words(chosen or provider.MODELS or listed.models)
                self.stdout.write(f"{where} answers, with {models}.")


def make_first_account() -> str:
    """Makes a superuser if there is no user at all; how to log in with it."""
    User = get_user_model()
    if User.objects.exists():
        return ""
    name = os.environ.get("DJANGO_SUPERUSER_USERNAME", "admin")
    email = os.environ.get("DJANGO_SUPERUSER_EMAIL", "")
    given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
    password = given or secrets.token_urlsafe(9)
    User.objects.create_superuser(name, email, password)
    shown = "the one in DJANGO_SUPERUSER_PASSWORD" if given else f"{password}  (shown only now)"
    return f"  user name: {name}\n  password: {shown}"


async def look() -> list[tuple[ProviderConf, Listed]]:
    """What each provider offers, or what is wrong with it."""
    provider = Provider()
    try:
        return [(each, await provider.look(each)) for each in conf().providers.values()]
    finally:
        await provider.close()


def in_words(models: list[str]) -> str:
    more = len(models) - MODELS_SHOWN
    return ", ".join(models[:MODELS_SHOWN]) + (f" and {more} more" if more > 0 else "")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Processes that start together on one database prepare it one after the other.

    The lock is a transaction's: one of a session would stay behind at the server where a pooler
    like pgbouncer gives the session to somebody else.
    """
    if connection.vendor == "postgresql":
        with closing(own_connection()) as own, own.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [START_LOCK])
            yield
            cursor.execute("COMMIT")
    else:
        path = Path(f"{connection.settings_dict['NAME']}.lock")
        path.touch(0o600)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def serve(host: str, port: int) -> None:
    """Run daphne in this process, on uvloop, until SIGINT or SIGTERM."""
    if sys.platform != "win32":
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    from daphne.cli import CommandLineInterface

    gc.freeze()  # what is there by now stays, and need not be looked through again and again
    gc.set_threshold(GARBAGE)
    interface = host.replace(":", r"\:")
    endpoint = f"tcp:port={port}:interface={interface}:backlog={BACKLOG}"
    CommandLineInterface().run(
        ["--endpoint", endpoint, "--verbosity", "0", "project.asgi:application"]
    )
