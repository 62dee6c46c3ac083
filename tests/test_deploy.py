import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def manage(directory, *command, **environment):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-W", "error", "manage.py", *command],
        cwd=ROOT,
        env=kept | {"DATA_DIR": str(directory), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_site_with_an_https_address_is_ready_to_be_deployed(tmp_path):
    address = {"SITE_URL": "https://chat.example.com", "SECRET_KEY": "0123456789abcdef" * 4}
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **address)
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_a_fresh_clone_needs_no_settings(tmp_path):
    result = manage(tmp_path, "check", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_the_secret_key_is_made_once_and_kept_from_others(tmp_path):
    manage(tmp_path, "check")
    kept = tmp_path / "secret_key"
    key = kept.read_text()
    assert len(key) > 50 and kept.stat().st_mode & 0o077 == 0
    manage(tmp_path, "check")
    assert kept.read_text() == key


def test_a_wrong_address_is_told_at_once(tmp_path):
    result = manage(tmp_path, "check", SITE_URL="chat.example.com")
    assert result.returncode != 0 and "https://chat.example.com" in result.stderr


def test_a_wrong_number_is_told_at_once(tmp_path):
    result = manage(tmp_path, "check", CHAT_TICK="0")
    assert result.returncode != 0 and "chat.E001" in result.stderr


def test_settings_come_from_the_environment(tmp_path):
    code = "from chat.conf import conf; print(conf().CHAT_MODELS, conf().CHAT_EXTRA_BODY)"
    given = {"CHAT_MODELS": "one,two", "CHAT_EXTRA_BODY": '{"top_k": 1}'}
    result = manage(tmp_path, "shell", "--no-imports", "-c", code, **given)
    assert result.stdout.strip() == "['one', 'two'] {'top_k': 1}", result.stderr


def test_an_empty_abandon_after_means_never(tmp_path):
    code = "from chat.conf import conf; print(conf().CHAT_ABANDON_AFTER)"
    result = manage(tmp_path, "shell", "--no-imports", "-c", code, CHAT_ABANDON_AFTER="")
    assert result.stdout.strip() == "None", result.stderr


def test_the_migrations_are_complete(tmp_path):
    result = manage(tmp_path, "makemigrations", "--check", "--dry-run")
    assert result.returncode == 0, result.stdout + result.stderr
