import socket

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from project.management.commands import start

from ..site import free_port

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
        port = () if "--port" in options else ("--port", str(free_port()))  # 8000 may be taken
        call_command("start", *options, *port)
        return capsys.readouterr().out, served[-1]

    return run


def users():
    return get_user_model().objects


def test_it_makes_the_first_account_and_says_its_password_once(run):
    said, _ = run()
    password = said.split("password: ")[1].split()[0]
    assert said.splitlines()[-3].startswith("Parley is at http")  # and then how to log in
    assert "user name: admin" in said.splitlines()[-2]
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
    port = free_port()
    said, served = run("--host", "::1", "--port", str(port))
    assert f"http://[::1]:{port}/" in said and served == ("::1", port)


def test_it_serves_on_loopback(run):
    assert run()[1][0] == "127.0.0.1"


def test_it_says_that_the_demo_answers(run):
    assert "demo model answers" in run()[0]


def test_it_says_which_provider_answers(run, double):
    said, _ = run()
    assert f"{double.base_url} answers, with double-1, double-2." in said
    assert settings.OPENAI_API_KEY not in said


def test_it_says_which_models_the_provider_lists(run, double, settings):
    settings.CHAT_MODELS = []
    double.models = [f"m{number}" for number in range(8)]
    try:
        assert "answers, with m0, m1, m2, m3, m4 and 3 more." in run()[0]
    finally:
        double.models = ["double-1", "double-2"]


def test_it_says_what_is_wrong_with_the_provider(run, double, settings):
    settings.OPENAI_BASE_URL = f"{double.base_url}/v2"
    said, _ = run()
    assert f"{double.base_url}/v2: There is no OpenAI-compatible API" in said
    assert "answers" not in said


def test_it_names_the_next_port_if_one_is_taken(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"Port {port} is taken") as error:
            run("--port", str(port))
    named = int(str(error.value).split("--port ")[1])
    assert named != port and not users().exists()
    socket.create_server(("127.0.0.1", named)).close()


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--port", "0"), "must be from 1 to 65535"), (("--host", "192.0.2.1"), "no address of this")],
)
def test_it_says_where_it_cannot_listen(run, options, said):
    with pytest.raises(CommandError, match=said):
        run(*options)


def test_it_says_which_providers_answer(run, double, settings):
    settings.CHAT_PROVIDERS, settings.CHAT_FALLBACK = ["openai", "local"], []
    settings.CHAT_PROVIDER_LOCAL_URL, settings.CHAT_PROVIDER_LOCAL_KEY = double.base_url, "local"
    settings.CHAT_MODELS = ["openai/one", "two"]
    said, _ = run()
    assert "openai answers, with one, two." in said
    assert "local answers, with double-1, double-2." in said


def test_it_collects_the_static_files(run, tmp_path):
    run()
    assert list(tmp_path.glob("chat/**/*.css"))
