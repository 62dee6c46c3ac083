"""A site's database, for what only it can tell or do; and how it fails."""

import sqlite3
import uuid

import psycopg

SERVER = ("127.0.0.1", 5432)
POSTGRES = "postgresql://postgres@{}:{}".format(*SERVER)
WAIT = 30  # seconds for somebody else's lock on SQLite


class Database:
    """SQLite in `directory`, or PostgreSQL's `database`, which is None without it."""

    def sql(self, query, *, database=None):
        """Rows of a query, for what only the database can tell or do."""
        if self.database is None:
            return self._sqlite(query)
        with psycopg.connect(f"{POSTGRES}/{database or self.database}", autocommit=True) as link:
            cursor = link.execute(query)
            return cursor.fetchall() if cursor.description else []

    def _sqlite(self, query):
        link = sqlite3.connect(self.directory / "db.sqlite3", timeout=WAIT)
        try:
            rows = link.execute(query).fetchall()
            link.commit()
            return rows
        finally:
            link.close()

    def reply(self, asked, *columns):
        """The row of a reply, or some of its columns, whatever the processes say."""
        pk = uuid.UUID(asked["reply"]["id"])
        pk = str(pk) if self.database else pk.hex
        rows = self.sql(f"SELECT {', '.join(columns)} FROM chat_message WHERE id = '{pk}'")
        return dict(zip(columns, rows[0], strict=True))

    def add_person(self, name):
        """Another one with all rights and the same password; may be called again."""
        copied = "password, is_superuser, first_name, last_name, email, is_staff, is_active"
        self.sql(
            f"INSERT INTO auth_user (username, date_joined, {copied})"
            f" SELECT '{name}', date_joined, {copied} FROM auth_user WHERE username = 'admin'"
            f" AND NOT EXISTS (SELECT 1 FROM auth_user WHERE username = '{name}')"
        )

    def connected(self):
        """How many connections there are to it, on a server."""
        if self.database is None:
            return 0
        there = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return self.sql(f"{there} AND pid <> pg_backend_pid()")[0][0]

    def lock(self):
        """Takes the database away from everybody else; call what it returns to give it back."""
        if self.database:
            link = psycopg.connect(f"{POSTGRES}/{self.database}")
            link.execute("LOCK TABLE chat_message, chat_piece IN ACCESS EXCLUSIVE MODE")
        else:
            file = self.directory / "db.sqlite3"
            link = sqlite3.connect(file, timeout=WAIT, isolation_level=None)
            link.execute("BEGIN IMMEDIATE")
        return lambda: (link.rollback(), link.close())

    def hold_row(self, table, pk):
        """Locks one row; call what it returns to let go of it."""
        link = psycopg.connect(f"{POSTGRES}/{self.database}")
        link.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [pk])
        return lambda: (link.rollback(), link.close())

    def throw_out(self):
        """The server ends all of its connections."""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE datname = '{self.database}'",
            database="postgres",
        )

    def demote(self):
        """The server takes no writes, as a standby does; call what it returns to promote it."""
        order = f"ALTER DATABASE {self.database} SET default_transaction_read_only = "
        self.sql(order + "on", database="postgres")
        self.throw_out()
        return lambda: (self.sql(order + "off", database="postgres"), self.throw_out())

    def shut_out(self):
        """As if PostgreSQL were gone; call what it returns to bring it back."""
        order = f"ALTER DATABASE {self.database} ALLOW_CONNECTIONS "
        self.sql(order + "false", database="postgres")
        self.throw_out()
        return lambda: self.sql(order + "true", database="postgres")
