import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command

from project.management.commands import start

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(monkeypatch, capsys, settings, tmp_path):
    """Runs the command up to the moment when it would serve; what it says."""
    served = []
    settings.STATIC_ROOT = tmp_path
    for name in ("USERNAME", "PASSWORD", "EMAIL"):
        monkeypatch.delenv(f"DJANGO_SUPERUSER_{name}", raising=False)
    monkeypatch.setattr(start, "serve", lambda *address: served.append(address))

    def run(*options):
        call_command("start", *options)
        return capsys.readouterr().out, served[-1]

    return run


def users():
    return get_user_model().objects


def test_it_makes_the_first_account_and_says_its_password_once(run):
    said, _ = run()
    password = said.split("password: ")[1].split()[0]
    admin = users().get()
    assert (admin.username, admin.is_superuser) == ("admin", True) and admin.check_password(
        password
    )
    assert password not in run()[0] and users().count() == 1


def test_it_takes_the_first_account_from_the_environment(run, monkeypatch):
    for name, value in [("USERNAME", "sue"), ("PASSWORD", "s3cret!"), ("EMAIL", "sue@example.com")]:
        monkeypatch.setenv(f"DJANGO_SUPERUSER_{name}", value)
    said, _ = run()
    sue = users().get()
    assert (sue.username, sue.email) == ("sue", "sue@example.com") and sue.check_password("s3cret!")
    assert "s3cret!" not in said


def test_it_makes_no_account_when_there_is_one(run, user):
    said, _ = run()
    assert "password" not in said and users().count() == 1


def test_it_says_where_it_is(run):
    said, served = run("--host", "::1", "--port", "8123")
    assert "http://[::1]:8123/" in said and served == ("::1", 8123)


def test_it_serves_on_loopback(run):
    assert run()[1] == ("127.0.0.1", 8000)


def test_it_says_that_the_demo_answers(run):
    assert "demo model answers" in run()[0]


def test_it_says_which_provider_answers(run, settings):
    settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = "https://api.example.com/v1", "sk-secret"
    said, _ = run()
    assert "https://api.example.com/v1 answers, with double-1, double-2." in said
    assert "sk-secret" not in said


def test_it_says_that_openai_answers(run, settings):
    settings.OPENAI_API_KEY, settings.CHAT_MODELS = "sk-secret", []
    assert "OpenAI answers, with its own list of models." in run()[0]


def test_it_says_which_providers_answer(run, settings):
    settings.CHAT_PROVIDERS, settings.OPENAI_API_KEY = ["openai", "local"], "sk-secret"
    settings.CHAT_PROVIDER_LOCAL_URL, settings.CHAT_MODELS = "http://127.0.0.1:9/v1", []
    assert "Providers: openai, local. Models: their own lists." in run()[0]


def test_it_collects_the_static_files(run, tmp_path):
    run()
    assert list(tmp_path.glob("chat/**/*.css"))
