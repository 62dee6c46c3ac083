"""What the chat says of a site that would harm it."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.checks import Tags, run_checks
from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone

from chat import hosting
from chat.hosting import file_system_of


def told(**options):
    messages = [each for each in run_checks(**options) if each.id.startswith("chat.")]
    assert all(each.hint for each in messages)
    return [each.id for each in messages]


def test_runserver_cannot_serve_it(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "runserver", "8001"])
    assert told() == ["chat.E009"]


def test_runserver_of_daphne_can(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["manage.py", "runserver"])
    monkeypatch.setattr(hosting, "get_commands", lambda: {"runserver": "daphne"})
    assert told() == []


def test_it_is_not_for_wsgi(settings):
    settings.WSGI_APPLICATION = "site.wsgi.application"
    assert told() == ["chat.W001"]


@pytest.mark.parametrize("age", [60, None])
def test_connections_are_not_kept(monkeypatch, age):
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", age)
    assert told() == ["chat.W003"]


def test_sqlite_takes_writers_one_after_the_other(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    assert told() == ["chat.W008"] * (connection.vendor == "sqlite")


def test_the_demo_is_not_for_production(settings):
    settings.OPENAI_BASE_URL = settings.OPENAI_API_KEY = ""
    assert "chat.W004" not in told()
    assert "chat.W004" in told(include_deployment_checks=True)


MOUNTED = """\
/dev/sda1 / ext4 rw 0 0
tmpfs /srv tmpfs rw 0 0
home:/data /srv/our\\040data nfs4 rw 0 0
host /srv/our\\040data/local ext4 rw 0 0
old:/ /mnt nfs rw 0 0
/dev/sdb1 /mnt xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/db.sqlite3", "ext4"),
        ("/srv/db.sqlite3", "tmpfs"),
        ("/srv/our data/db.sqlite3", "nfs4"),
        ("/srv/our database/db.sqlite3", "tmpfs"),
        ("/srv/our data/local/db.sqlite3", "ext4"),
        ("/mnt/db.sqlite3", "xfs"),
    ],
)
def test_it_knows_on_what_a_file_is(path, kind):
    assert file_system_of(Path(path), MOUNTED) == kind


def test_sqlite_wants_a_disk_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(hosting, "MOUNTS", tmp_path / "mounts")
    hosting.MOUNTS.write_text("home:/ / nfs4 rw 0 0\n")
    is_sqlite = connection.vendor == "sqlite"
    assert ("chat.W005" in told(include_deployment_checks=True)) == is_sqlite


@pytest.mark.needs_server
@pytest.mark.django_db
@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_clocks_that_differ_are_told(monkeypatch, hours):
    now = timezone.now() + timedelta(hours=hours)
    monkeypatch.setattr(timezone, "now", lambda: now)
    asked = {"tags": [Tags.database], "databases": [DEFAULT_DB_ALIAS]}
    assert told(**asked) == ["chat.W006"] * abs(hours)
