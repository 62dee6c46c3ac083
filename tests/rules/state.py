"""What the model of the rules is made of: a reply, a database, two processes, and what is left."""

from typing import NamedTuple

RUNNING = ("waiting", "streaming")


class Bounds(NamedTuple):
    """How often each of these may happen. In a state: how often it still may."""

    crashes: int = 0  # kill -9
    losses: int = 0  # of the answer to a COMMIT
    pauses: int = 0  # SIGSTOP, or cut off from the database
    outages: int = 0  # of the database, for all
    leaves: int = 0  # SIGTERM, as in a deploy
    stops: int = 0
    resumes: int = 0  # the Continue button


class Entry(NamedTuple):
    """What is handed to the journal, and repeated as it is until its outcome is known."""

    start: int
    is_last: bool = False  # the provider has said that this is all
    ending: str = ""  # a settle; otherwise one piece


class Generation(NamedTuple):
    """What a process knows of the reply that it writes."""

    text: int  # pieces that it knows are stored
    request: int = 0  # its number at the provider; 0 if it needed none
    is_finished: bool = False  # the provider has given a finish reason
    ending: str = ""  # what to settle as, next
    entry: Entry | None = None  # whose outcome is unknown


class Reply(NamedTuple):
    """Its rows."""

    state: str = ""  # until it is sent
    owner: int | None = None
    takeovers: int = 0
    stop_requested: bool = False
    finish_reason: bool = False
    text: int = 0  # pieces
    last: tuple[int, int] | None = None  # the last piece's start, and the request it came from
    # No columns, but what the search looks at:
    was_finished: bool = False  # who stored the last piece had the finish reason
    in_vain: int = 0  # leases that ran out since the last piece
    wrong: str = ""

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING


class Database(NamedTuple):
    reply: Reply = Reply()
    leases: frozenset[int] = frozenset()

    def change(self, **columns) -> "Database":
        return self._replace(reply=self.reply._replace(**columns))

    def enlist(self, writer: int) -> "Database":
        return self._replace(leases=self.leases | {writer})


class Process(NamedTuple):
    is_up: bool = True
    is_paused: bool = False
    writer: int = 0
    generation: Generation | None = None
    begins: Generation | None = None  # as soon as it hears that the reply is its own
    suspects: frozenset[int] = frozenset()  # watched for a whole lease, and silent


class State(NamedTuple):
    processes: tuple[Process, ...]
    left: Bounds
    database: Database = Database()
    is_out: bool = False  # the database
    in_doubt: Database | None = None  # what the database becomes, or not
    silent: frozenset[int] = frozenset()  # writers whose row is older than a lease
    asked: int = 0  # requests at the provider

    def put(self, place: int, process: Process) -> "State":
        before, after = self.processes[:place], self.processes[place + 1 :]
        return self._replace(processes=(*before, process, *after))

    def spend(self, fault: str) -> "State":
        return self._replace(left=self.left._replace(**{fault: getattr(self.left, fault) - 1}))

    def renewed(self, writer: int) -> "State":
        """The writer has shown that it is there."""
        processes = tuple(
            each._replace(suspects=each.suspects - {writer}) for each in self.processes
        )
        return self._replace(processes=processes, silent=self.silent - {writer})

    @property
    def up(self) -> list[Process]:
        return [each for each in self.processes if each.is_up and not each.is_paused]
