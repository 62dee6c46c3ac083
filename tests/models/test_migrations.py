"""What a site of today has stored, carried over: on the database that the tests run on."""

import json
import os
import subprocess
import sys
from uuid import uuid4

import pytest
from django.db import connection

from ..site import ROOT, Site

BEFORE, PARTS = "0003", "0004"
MANY = 100_000  # messages
LITTLE = 64 * 1024  # KB that a migration may take beyond what it takes for a few messages
COLUMNS = (
    "id, conversation_id, parent_id, position, role, text, created_at, state, model, error,"
    " finish_reason, reasoning, omitted, rating_comment, rendered, rendered_by, takeovers,"
    " stop_requested"
)


class OldSite(Site):
    """A database with the schema of `BEFORE`, and one conversation of one person in it."""

    def __enter__(self):
        self.migrate(BEFORE)
        self.sql(
            "INSERT INTO auth_user (id, username, password, is_superuser, first_name, last_name,"
            " email, is_staff, is_active, date_joined)"
            " VALUES (1, 'ann', '', false, '', '', '', false, true, '2026-01-01')"
        )
        self.conversation = self.id()
        self.sql(
            "INSERT INTO chat_conversation (id, user_id, title, titled_by, instruction, created_at,"
            f" updated_at, changed_at) VALUES ('{self.conversation}', 1, 'Hi', 'words', '',"
            " '2026-01-01', '2026-01-01', '2026-01-01')"
        )
        return self

    def id(self):
        return str(uuid4()) if self.database else uuid4().hex

    def migrate(self, to):
        """Its peak memory, in KB."""
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "chat", to]
        with (self.directory / "migrate.log").open("w+") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=log)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            log.seek(0)
            assert (process.returncode, log.read()) == (0, "")
        return usage.ru_maxrss

    def add(self, text, reasoning, *, state="complete", finish_reason="stop"):
        pk = self.id()
        self.sql(
            f"INSERT INTO chat_message ({COLUMNS}) VALUES ('{pk}', '{self.conversation}', NULL, 0,"
            f" 'assistant', '{text}', '2026-01-01', '{state}', 'm', '', '{finish_reason}',"
            f" '{reasoning}', 0, '', '', 0, 0, false)"
        )
        return pk

    def add_many(self):
        key = "gen_random_uuid()" if self.database else "lower(hex(randomblob(16)))"
        self.sql(
            f"INSERT INTO chat_message ({COLUMNS}) WITH RECURSIVE numbers(n) AS"
            f" (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {MANY})"
            f" SELECT {key}, '{self.conversation}', NULL, n, 'assistant', 'Grüße 👋 ' || n,"
            " '2026-01-01', 'complete', 'm', '', 'stop',"
            " CASE WHEN n % 2 = 0 THEN 'Hm. 👋 ' || n ELSE '' END, 0, '', '', 0, 0, false"
            " FROM numbers"
        )

    def share(self, head, chars, thoughts):
        shared = json.dumps(
            {"title": "Hi", "state": "stopped", "chars": chars, "reasoning_chars": thoughts}
        )
        self.sql(f"UPDATE chat_conversation SET shared_head_id='{head}', shared_as='{shared}'")

    def parts(self, pk):
        return _json(self.sql(f"SELECT parts FROM chat_message WHERE id = '{pk}'")[0][0])


def _json(stored):
    return json.loads(stored) if isinstance(stored, str) else stored


@pytest.fixture
def old(running_double, tmp_path):
    with OldSite(running_double, tmp_path, postgres=connection.vendor == "postgresql") as site:
        yield site


def test_thoughts_become_parts(old):
    """One story, because each migration is a process of its own."""
    settled, silent = old.add("Yes 👋", "Hm."), old.add("", "Hm.", state="stopped")
    plain, running = old.add("Yes", ""), old.add("one ", "Hm.", state="streaming")
    old.sql(f"INSERT INTO chat_piece (reply_id, start, text) VALUES ('{running}', 4, 'two')")
    went_on = old.add("Half and half", "Hm. Well.")
    old.share(went_on, chars=5, thoughts=3)
    little = old.migrate(PARTS)

    thoughts = {"kind": "reasoning", "text": "Hm."}
    assert old.parts(settled) == [thoughts, {"kind": "text", "chars": 5}]
    assert (old.parts(silent), old.parts(plain)) == ([thoughts], [])
    assert old.parts(running) == [thoughts, {"kind": "text", "chars": 7}]
    assert old.sql(f"SELECT text FROM chat_message WHERE id = '{running}'") == [("one two",)]

    more = [{"kind": "reasoning", "text": " Well."}, {"kind": "text", "chars": 8}]
    assert old.parts(went_on) == [thoughts, {"kind": "text", "chars": 5}, *more]
    ((shared,),) = old.sql("SELECT shared_as FROM chat_conversation")
    assert _json(shared) == {"title": "Hi", "state": "stopped", "length": 8}

    old.migrate(BEFORE)  # and back
    assert old.sql(f"SELECT reasoning FROM chat_message WHERE id = '{settled}'") == [("Hm.",)]
    old.add_many()
    assert old.migrate(PARTS) < little + LITTLE
    ((thought,),) = old.sql(
        "SELECT count(*) FROM chat_message WHERE CAST(parts AS text) LIKE '%reasoning%'"
    )
    assert thought == MANY // 2 + 4
    assert old.sql("SELECT count(*) FROM chat_message") == [(MANY + 5,)]
