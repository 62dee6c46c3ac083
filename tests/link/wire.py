"""PostgreSQL's protocol 3, as far as it takes to know what a COMMIT is the end of. No I/O.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import re
from dataclasses import dataclass, field

CANCEL, SSL, GSS = 80877102, 80877103, 80877104  # codes in place of a protocol version
REFUSED = b"N"  # the answer to SSL and GSS: go on without
HEAD = 5  # bytes: one for the type, four for the length, which counts itself
IDLE = b"I"  # in ReadyForQuery: in no transaction

LITERAL, WORD = (
    re.compile(r"'(?:[^']|'')*'"),
    re.compile(r"'\w*'"),
)  # all but words may say anything
WRITES = re.compile(r'\b(?:insert\s+into|update|delete\s+from|copy|merge\s+into)\s+"?(chat_\w+)')
# What a tick of the journal, a send, a claim, … are known by, whatever ORM or hand wrote them.
MESSAGE = r'\bupdate\s+"?chat_message"?\s+(?:as\s+\w+\s+|\w+\s+)?set\b'
BEFORE_WHERE = r"(?:(?!\bwhere\b)[^;])*?"
MARKS = {
    "pieces": re.compile(r'\b(?:insert\s+into|copy)\s+"?chat_piece'),
    "first piece": re.compile(rf"{MESSAGE}{BEFORE_WHERE}\bstate\"?\s*=\s*'streaming'"),
    "settle": re.compile(rf'{MESSAGE}[^;]*\bstate"?\s*=[^;]*\bowner_id"?\s*=\s*null', re.DOTALL),
    "send": re.compile(r'\binsert\s+into\s+"?chat_message"?[\s(]'),
    "claim": re.compile(rf'{MESSAGE}{BEFORE_WHERE}\bowner_id"?\s*=(?!\s*null)'),
    "stop": re.compile(rf'{MESSAGE}{BEFORE_WHERE}\bstop_requested"?\s*=\s*(?:true|\$)'),
    "judge": re.compile(r'\bdelete\s+from\s+"?chat_writer'),
}


def kinds_of(sql):
    """What a transaction with this SQL does: any of MARKS, or `lease` if it renews just that."""
    sql = LITERAL.sub(lambda text: text[0] if WORD.fullmatch(text[0]) else "''", sql).lower()
    kinds = {kind for kind, mark in MARKS.items() if mark.search(sql)}
    if set(WRITES.findall(sql)) == {"chat_writer"} and not kinds:
        kinds.add("lease")
    return kinds


def messages(buffer):
    """The whole messages at the head of `buffer`, which they are taken from, as type and bytes."""
    found, start = [], 0
    while len(buffer) >= start + HEAD:
        end = start + 1 + int.from_bytes(buffer[start + 1 : start + HEAD], "big")
        if len(buffer) < end:
            break
        found.append((bytes(buffer[start : start + 1]), bytes(buffer[start:end])))
        start = end
    del buffer[:start]
    return found


@dataclass
class Conversation:
    """What client and server have said on one connection, in messages.

    A client that begins a transaction before it has heard the end of the one before it mixes them
    up here; psycopg does not, but for several syncs in one pipeline.
    """

    statements: dict[str, str] = field(default_factory=dict)  # prepared ones, by name
    sql: list[str] = field(default_factory=list)  # since the transaction began
    wrote: bool = False  # the statement that was answered last
    round_trips: int = 0

    def said(self, kind, message):
        """A message of the client."""
        body = message[HEAD:]
        if kind == b"Q":
            self.sql.append(_text(body))
        elif kind == b"P":
            name, query, *_ = body.split(b"\0", 2)
            self.statements[_text(name)] = _text(query)
        elif kind == b"B":
            _, name, values = body.split(b"\0", 2)
            self.sql += [self.statements.get(_text(name), ""), _text(values)]

    def commits(self, kind, message):
        """Whether this message of the server says that something has been written for good."""
        if kind != b"C":
            return False
        tag = _text(message[HEAD:])
        if tag.startswith("COMMIT"):
            return True
        wrote = tag.startswith(("INSERT", "UPDATE", "DELETE", "COPY", "MERGE"))
        return wrote and not self._in_transaction

    def ready(self, kind, message):
        """Whether the server waits for the client now; ends what is kept of a transaction."""
        if kind != b"Z":
            return False
        self.round_trips += 1
        if message[HEAD:] == IDLE:
            self.sql.clear()
        return True

    @property
    def kinds(self):
        return kinds_of(";\n".join(self.sql))

    @property
    def _in_transaction(self):
        return any(re.match(r"\s*(begin|start\s+transaction)\b", sql, re.I) for sql in self.sql)


def _text(data):
    return data.rstrip(b"\0").decode("utf-8", "replace")
