import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300  # seconds, for a busy machine


def manage(directory, *command, **environment):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *command],
        cwd=ROOT,
        env=kept | {"DATA_DIR": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


READY = {
    "SITE_URL": "https://chat.example.com",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "OPENAI_API_KEY": "sk-secret",
    "CHAT_PROXIES": "1",
}


def test_a_site_with_an_https_address_is_ready_to_be_deployed(tmp_path):
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **READY)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_what_is_unwise_is_told_and_no_more(tmp_path):
    """A key of the site's own making, the demo model, a directory that others look into, and no
    word about the proxy that there must be."""
    tmp_path.chmod(0o755)
    result = manage(tmp_path, "check", "--deploy", SITE_URL=READY["SITE_URL"])
    assert result.returncode == 0
    told = re.findall(r"\((\w+\.W\d+)\)", result.stderr)
    assert sorted(told) == ["chat.W004", "chat.W007", "project.W001", "project.W002"], result.stderr
    assert result.stderr.count("HINT: ") == 4


SAY = """
from django.conf import settings
from chat.conf import conf
print(settings.SECURE_HSTS_INCLUDE_SUBDOMAINS, settings.SECURE_HSTS_PRELOAD,
    settings.SECURE_HSTS_SECONDS > 0, conf().CHAT_ABANDON_AFTER, conf().CHAT_MODELS,
    conf().CHAT_EXTRA_BODY)
"""


def test_settings_come_from_the_environment(tmp_path):
    """Without an explicit wish no subdomain is bound; an empty number of seconds means never."""
    asked = {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "on", "SECURE_HSTS_PRELOAD": "on"}
    asked |= {"CHAT_ABANDON_AFTER": "7", "CHAT_EXTRA_BODY": '{"top_k": 1}'}
    empty = {"CHAT_ABANDON_AFTER": "", "CHAT_MODELS": "one,two"}
    for more, said in (
        (empty, "False False True None ['one', 'two'] {}"),
        (asked, "True True True 7.0 [] {'top_k': 1}"),
    ):
        result = manage(tmp_path, "shell", "--no-imports", "-c", SAY, **READY, **more)
        assert result.stdout.strip() == said, result.stderr


def test_a_fresh_clone_needs_no_settings_and_is_kept_from_others(tmp_path):
    """Its secret key is made once; a database that was open to others is closed."""
    result = manage(tmp_path, "check", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr
    key = (tmp_path / "secret_key").read_text()
    assert len(key) > 50 and not _open_to_others(tmp_path)
    for name in ("db.sqlite3", "db.sqlite3-wal"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    manage(tmp_path, "check")
    assert (tmp_path / "secret_key").read_text() == key and not _open_to_others(tmp_path)


def _open_to_others(directory):
    return [path for path in directory.iterdir() if path.stat().st_mode & 0o077]


CARELESS = """
import os
os.umask(0)
from django.core.management import call_command
from django.db import connection
from project.management.commands.start import one_at_a_time

with one_at_a_time():
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
connection.ensure_connection()
print(*sorted(os.listdir(os.environ["DATA_DIR"])))
"""


def test_what_it_writes_is_kept_from_others(tmp_path):
    """However careless whoever starts it."""
    data = tmp_path / "var"
    result = manage(data, "shell", "--no-imports", "-c", CARELESS)
    names = "db.sqlite3 db.sqlite3-shm db.sqlite3-wal db.sqlite3.lock secret_key static"
    assert result.stdout.strip() == names, result.stderr
    written = [data, *data.rglob("*")]
    assert len(written) > 50 and not [path for path in written if path.stat().st_mode & 0o077]


def test_a_wrong_address_is_told_at_once(tmp_path):
    result = manage(tmp_path, "check", SITE_URL="chat.example.com")
    assert result.returncode != 0 and "https://chat.example.com" in result.stderr


def test_a_sign_up_without_mail_is_told_at_once(tmp_path):
    result = manage(tmp_path, "check", SIGN_UP="on")
    assert result.returncode != 0 and "EMAIL_URL" in result.stderr


def test_too_few_connections_are_told_at_once(tmp_path):
    wanted = {"DATABASE_URL": "postgres://127.0.0.1/parley", "DATABASE_POOL": "5"}
    result = manage(tmp_path, "check", **wanted)
    assert result.returncode != 0 and "DATABASE_POOL is 5" in result.stderr


def test_a_wrong_number_is_told_at_once(tmp_path):
    result = manage(tmp_path, "check", CHAT_TICK="0")
    assert result.returncode != 0 and "chat.E001" in result.stderr


@pytest.mark.django_db
def test_the_migrations_are_complete():
    call_command("makemigrations", "--check", "--dry-run")
