"""The line to PostgreSQL that fails on request does just what it is told to."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from random import Random

import psycopg
import pytest

from ..database import POSTGRES
from ..link import Link, kinds_of

TABLES = """
CREATE TABLE chat_piece (reply_id int, start int, text text, PRIMARY KEY (reply_id, start));
CREATE TABLE chat_message (id int PRIMARY KEY, state text, owner_id int, stop_requested boolean);
CREATE TABLE chat_writer (id int PRIMARY KEY, renewed_at timestamptz);
INSERT INTO chat_message VALUES (1, 'waiting', 1, false);
INSERT INTO chat_writer VALUES (1, now());
"""
COPY = "COPY chat_piece (reply_id, start, text) FROM STDIN"
pytestmark = pytest.mark.needs_server


@pytest.fixture(scope="module")
def database():
    name = f"parley_{uuid.uuid4().hex}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(f"{POSTGRES}/{name}", autocommit=True) as server:
            server.execute(TABLES)
        yield name
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def server(database):
    """Straight to the server, for what really stands there."""
    with psycopg.connect(f"{POSTGRES}/{database}", autocommit=True) as server:
        server.execute("TRUNCATE chat_piece")
        yield server


@pytest.fixture
def link():
    with Link() as link:
        yield link


@pytest.fixture
def connect(link, database):
    opened = []

    def connect(**options):
        address = f"postgresql://postgres@127.0.0.1:{link.port}/{database}"
        opened.append(psycopg.connect(address, connect_timeout=5, **options))
        return opened[-1]

    yield connect
    link.heal()
    for client in opened:
        client.close()


def copy(client, *starts):
    with client.cursor() as cursor, cursor.copy(COPY) as rows:
        for start in starts:
            rows.write_row((1, start, "text"))


def pieces(server):
    return [start for (start,) in server.execute("SELECT start FROM chat_piece ORDER BY start")]


def test_it_lets_everything_through(link, connect, server):
    client = connect()
    copy(client, 0, 4)
    client.commit()
    assert client.execute("SELECT repeat('x', 500000)").fetchone() == ("x" * 500_000,)
    assert pieces(server) == [0, 4]
    assert link.opened == 1 and link.round_trips >= 4


def test_a_lost_answer_is_that_of_a_commit_which_was_done(link, connect, server):
    client = connect()
    loss = link.lose_answer("pieces")
    copy(client, 0)
    with pytest.raises(psycopg.OperationalError):
        client.commit()
    loss.wait()
    assert pieces(server) == [0]


def test_the_answer_to_another_kind_is_not_lost(link, connect, server):
    link.lose_answer("settle")
    client = connect()
    client.execute("UPDATE chat_writer SET renewed_at = now()")
    copy(client, 0)
    client.commit()


def test_it_loses_as_many_answers_as_it_is_told_to(link, connect, server):
    loss = link.lose_answer("pieces", times=2)
    for start in range(2):
        client = connect()
        copy(client, start)
        with pytest.raises(psycopg.OperationalError):
            client.commit()
    assert loss.left == 0
    client = connect()
    copy(client, 2)
    client.commit()
    assert pieces(server) == [0, 1, 2]


@pytest.mark.parametrize("autocommit", [True, False])
def test_it_knows_a_transaction_in_one_query(link, connect, server, autocommit):
    loss = link.lose_answer("pieces")
    client = connect(autocommit=autocommit)
    insert = "INSERT INTO chat_piece SELECT 1, unnest(ARRAY[7, 8]), 'text'"
    with pytest.raises(psycopg.OperationalError):
        client.execute(f"BEGIN; {insert}; COMMIT" if autocommit else f"{insert}; COMMIT")
    loss.wait()
    assert pieces(server) == [7, 8]


def test_it_knows_a_transaction_in_a_pipeline(link, connect, server):
    loss = link.lose_answer("pieces")
    client = connect()
    with pytest.raises(psycopg.OperationalError), client.pipeline():
        client.execute("INSERT INTO chat_piece VALUES (1, %s, %s)", [3, "text"], prepare=True)
        client.commit()
    loss.wait()
    assert pieces(server) == [3]


def test_it_knows_prepared_statements(link, connect, server):
    client = connect(prepare_threshold=0)
    for start in range(2):
        client.execute("INSERT INTO chat_piece VALUES (1, %s, 'text')", [start])
        client.commit()
    loss = link.lose_answer("pieces")
    client.execute("INSERT INTO chat_piece VALUES (1, %s, 'text')", [2])
    with pytest.raises(psycopg.OperationalError):
        client.commit()
    loss.wait()


def test_it_knows_what_commits_by_itself(link, connect, server):
    loss = link.lose_answer("stop")
    client = connect(autocommit=True)
    with pytest.raises(psycopg.OperationalError):
        client.execute("UPDATE chat_message SET stop_requested = true WHERE id = 1")
    loss.wait()
    assert server.execute("SELECT stop_requested FROM chat_message").fetchone() == (True,)


@pytest.mark.parametrize("direction", [None, "to_server", "to_client"])
def test_existing_connections_go_silent_and_new_ones_work(link, connect, direction):
    client = connect(autocommit=True)
    client.execute("SELECT 1")
    link.hang(direction)
    with ThreadPoolExecutor() as other:
        answer = other.submit(client.execute, "SELECT 2")
        with pytest.raises(TimeoutError):
            answer.result(0.2)
        assert connect().execute("SELECT 3").fetchone() == (3,)
        link.heal()
        assert answer.result(5).fetchone() == (2,)


def test_all_connections_go_silent(link, connect):
    link.hang(existing_only=False)
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        connect()


def test_what_is_silent_is_still_connected_to_the_server(link, connect, server):
    client = connect()
    client.execute("SELECT pg_advisory_lock(1)")
    link.hang()
    client.close()
    time.sleep(0.2)
    here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    held = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = {here}"
    assert server.execute(held).fetchone() == (1,)


def test_it_is_far_away_when_told_so(link, connect):
    client = connect(autocommit=True)
    link.delay(0.05)
    began = time.monotonic()
    client.execute("SELECT 1")
    assert time.monotonic() - began >= 0.1


def test_it_cuts_all_and_refuses(link, connect):
    client = connect(autocommit=True)
    link.refuse()
    assert link.cut_all() == 1
    with pytest.raises(psycopg.OperationalError):
        client.execute("SELECT 1")
    with pytest.raises(psycopg.OperationalError, match="refused"):
        connect()
    link.accept()
    connect()


def test_it_cuts_at_random(link, connect):
    client = connect(autocommit=True)
    link.cut_at_random(600, Random("a seed"))
    with pytest.raises(psycopg.OperationalError):
        for _ in range(50):
            client.execute("SELECT pg_sleep(0.1)")


def test_a_cancellation_goes_through(connect):
    client = connect()
    with ThreadPoolExecutor() as other:
        answer = other.submit(client.execute, "SELECT pg_sleep(10)")
        time.sleep(0.2)
        client.cancel_safe(timeout=5)
        with pytest.raises(psycopg.errors.QueryCanceled):
            answer.result(5)


@pytest.mark.parametrize(
    "sql, kinds",
    [
        ("BEGIN; UPDATE chat_writer SET renewed_at = now(); SELECT 1; COMMIT", {"lease"}),
        ("UPDATE chat_message SET state = 'streaming' WHERE id = 1", {"first piece"}),
        ("UPDATE chat_message SET state='failed', text='a b', owner_id = NULL", {"settle"}),
        ("UPDATE chat_message SET state='a', text='&lt; ''is'' where;', owner_id=NULL", {"settle"}),
        ('INSERT INTO "chat_message" ("id") VALUES (1); UPDATE chat_writer SET a = 1', {"send"}),
        ('UPDATE "chat_message" SET "owner_id" = \'1\'::uuid, "takeovers" = 2', {"claim"}),
        ('UPDATE "chat_message" SET "owner_id" = NULL WHERE "owner_id" = 1', set()),
        ('DELETE FROM "chat_writer" WHERE id = 1', {"judge"}),
        ("SELECT 1 FROM chat_message WHERE owner_id = 1", set()),
    ],
)
def test_it_knows_transactions_by_their_sql(sql, kinds):
    assert kinds_of(sql) == kinds
