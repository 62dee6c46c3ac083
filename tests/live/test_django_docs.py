"""The examples of docs/django.md, in a real site."""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

import pytest
from django.db import connection

from ..double import answer
from ..site import ROOT, Site

SECTION = re.compile(r"^## (?:Hooks|Signals)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
DOCS = "".join(SECTION.findall((ROOT / "docs" / "django.md").read_text()))
BLOCK = re.compile(r"```python\n# (\S+)\n(.*?)```", re.DOTALL)
LINES = 10  # of code that an example may have, without its imports
SETTINGS = """
from project.settings import *
import os
INSTALLED_APPS = [*INSTALLED_APPS, "shop.apps.ShopConfig"]
SHOP_WEBHOOK = os.environ["SHOP_WEBHOOK"]
"""


@pytest.fixture(scope="module")
def webhook():
    """The address of a server, and what is sent there."""
    sent = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            sent.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}/", sent
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def new_site(live_double, webhook, tmp_path_factory):
    """A site with the shop that the document describes, and one process."""
    place = tmp_path_factory.mktemp("host")
    write_shop(place)
    environment = {
        "PYTHONPATH": os.pathsep.join([str(place), str(ROOT)]),
        "DJANGO_SETTINGS_MODULE": "host_settings",
        "SHOP_WEBHOOK": webhook[0],
    }
    postgres = connection.vendor == "postgresql"
    with Site(live_double, place, postgres=postgres, **environment) as site:
        manage(site, "makemigrations", "shop", "--verbosity", "0")
        site.start()
        yield site
        assert "Traceback" not in site.log(), site.log()


def write_shop(place):
    (place / "shop").mkdir()
    (place / "shop" / "__init__.py").touch()
    files = defaultdict(str)
    for name, code in BLOCK.findall(DOCS):
        files[name] += code
    (place / "host_settings.py").write_text(SETTINGS + files.pop("settings"))
    for name, code in files.items():
        (place / name).write_text(code)


def manage(site, *command):
    made = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=site.environment,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr


@pytest.fixture(scope="module")
def person(new_site):
    return new_site.person(next(iter(new_site.processes)))


@pytest.fixture
def account(new_site, person, double):
    """Sets what the person has bought."""

    def buy(plan, messages):
        new_site.sql("DELETE FROM shop_account")
        new_site.sql(
            "INSERT INTO shop_account (person_id, plan, messages_left)"
            f" SELECT id, '{plan}', {messages} FROM auth_user WHERE username = 'admin'"
        )

    return buy


def test_each_example_is_short():
    for name, code in BLOCK.findall(DOCS):
        lines = [line for line in code.splitlines() if line and "import" not in line]
        assert len(lines) <= LINES + 1, (name, lines)


def test_each_hook_has_an_example():
    code = "".join(code for name, code in BLOCK.findall(DOCS) if name == "shop/hooks.py")
    hooks = set(re.findall(r"def (\w+)\(self", code))
    assert hooks == {"models", "accept", "prompt", "client"}


def test_an_allowance_is_used_up(new_site, person, account):
    account("pro", 2)
    for _ in range(2):
        person.wait_settled(person.ask("Hello"))
    status, body = person.post("/chat/", message="Hello, I paid")
    assert status == 403 and b"Your messages are used up." in body and b"Hello, I paid" in body
    assert new_site.sql("SELECT messages_left FROM shop_account") == [(0,)]


def test_a_fact_is_in_the_prompt(person, account, double):
    account("free", 7)
    person.wait_settled(person.ask("Hello"))
    body = double.requests[-1].body
    assert body["messages"][0]["role"] == "system" and body["max_tokens"] == 1000
    assert (
        "You talk to admin, a customer of our free plan. 6 messages are left."
        in (body["messages"][0]["content"])
    )


def test_who_pays_nothing_has_one_model(person, account):
    account("free", 7)
    status, body = person.post(
        "/chat/", message="Hello", model="double-2", accept="application/json"
    )
    assert status == 400 and b"double-2" in body
    account("pro", 7)
    assert person.wait_settled(person.ask("Hello", model="double-2"))["model"] == "double-2"


def test_the_webhook_is_called_when_a_reply_has_settled(person, account, double, webhook):
    account("pro", 7)
    double.script(*answer("It is done."))
    while not webhook[1].empty():
        webhook[1].get()
    asked = person.ask("Hello")
    assert webhook[1].get(timeout=20) == {"id": asked["reply"]["id"], "state": "complete"}
