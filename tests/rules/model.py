"""Parley's rules for who writes a reply, small enough to try every order of every event.

Read this to see why a reply cannot be lost. One reply, two processes, one database. A process
writes a reply with a *generation*; the row of the reply names its *owner*, a writer; the row of a
writer is its *lease*, on all replies that it owns.

What the model leaves out, and why that is no loss:

- Text is a number of pieces. What may go wrong with it (a gap, a piece twice, a piece of another
  answer behind ours) is noticed at the commit that does it. Whatever is stored counts as shown:
  some reader is always that quick.
- A COMMIT whose answer is lost is a transaction *in doubt*: its process does not know, and the
  database decides later, also after the death of the process. Until then its locks keep all others
  from the row. "Done" and "not done" are the two ways in which it can end.
- The person sends again for as long as nothing is stored; a retry that finds its message stored
  changes nothing, so it is no step.
- Time is one event, "a lease passes": who is up and reaches the database has renewed its lease
  meanwhile, all others have not. A process that is cut off from the database is a paused one.
- A judgement is conditional on the renewal that was seen last: whoever renews is no suspect.
- To stop and to end a lease may be tried again without harm, so their answers are never lost here.

To extend it: a rule is a field of `rules.Rules`, a fault a field of `state.Bounds`, a promise a
line in `Parley.wrong`, an event a generator of `Step`s that `Parley.steps` yields from. What else
changes a row goes through `_transaction`, so that it can end in doubt.
"""

from collections.abc import Iterator

from .rules import (
    ANOTHER_END,
    ASKED_TOO_OFTEN,
    DOUBLED,
    FAILED,
    INTERRUPTED,
    MAX_TAKEOVERS,
    MORE_AFTER_THE_END,
    NOT_WHOLE,
    STOPPED_ALONE,
    SWALLOWED,
    TAKEN_BACK,
    TOLD_TOO_MUCH,
    Rules,
)
from .search import Step
from .state import Bounds, Database, Entry, Generation, Process, Reply, State

NAMES = "AB"


class Parley:
    """The model, for `Search`."""

    def __init__(self, rules: Rules, bounds: Bounds, pieces: int = 2) -> None:
        self.rules, self.bounds, self.pieces = rules, bounds, pieces
        processes = tuple(Process(writer=place) for place in range(len(NAMES)))
        self.start = State(processes, bounds)

    # What is promised

    def wrong(self, state: State) -> str:
        reply = state.database.reply
        if reply.wrong:
            return reply.wrong
        if reply.state == "failed":
            return FAILED
        if reply.state == "interrupted" and reply.in_vain <= MAX_TAKEOVERS:
            return INTERRUPTED
        if reply.state == "stopped" and not reply.stop_requested:
            return STOPPED_ALONE
        if reply.state == "stopped" and reply.was_finished:
            return ANOTHER_END
        if any(each.generation and each.generation.text > reply.text for each in state.processes):
            return TOLD_TOO_MUCH
        return ASKED_TOO_OFTEN if state.asked > 1 + self._reasons_to_ask(state) else ""

    def may_be_last(self, state: State) -> bool:
        """Nothing was sent, or what was sent has settled and nobody is still at it."""
        at_it = any(each.generation or each.begins for each in state.up)
        return not (state.database.reply.is_running or at_it)

    def _reasons_to_ask(self, state: State) -> int:
        """Once more. A lost answer is none, an outage is none."""
        reasons = ("crashes", "pauses", "leaves", "resumes")
        return sum(getattr(self.bounds, each) - getattr(state.left, each) for each in reasons)

    # What may happen

    def steps(self, state: State) -> Iterator[Step]:
        yield from self._of_the_database(state)
        yield from self._of_time(state)
        for place, process in enumerate(state.processes):
            yield from self._of_fate(state, place, process)
            if not process.is_up or process.is_paused:
                continue
            yield from self._hear(state, place, process)
            if state.is_out or state.in_doubt:
                continue
            yield from self._renew(state, place, process)
            yield from self._send(state, place, process)
            yield from self._write(state, place, process)
            yield from self._take(state, place, process)
            yield from self._judge(state, place, process)
            yield from self._leave(state, place, process)

    def _of_the_database(self, state: State) -> Iterator[Step]:
        if state.in_doubt:
            settled = state._replace(in_doubt=None)
            yield Step("what was in doubt is done", settled._replace(database=state.in_doubt))
            yield Step("what was in doubt is not done", settled)
        if state.is_out:
            yield Step("the database is back", state._replace(is_out=False))
        elif state.left.outages:
            counts_anew = tuple(each._replace(suspects=frozenset()) for each in state.processes)
            out = state.spend("outages")._replace(is_out=True, processes=counts_anew)
            yield Step("the database is out", out, is_calm=False)
        reply = state.database.reply
        if state.left.stops and reply.is_running and not (reply.stop_requested or state.in_doubt):
            stop = state.spend("stops")._replace(
                database=state.database.change(stop_requested=True)
            )
            yield Step("the person stops it", stop, is_calm=False)

    def _of_time(self, state: State) -> Iterator[Step]:
        there = [] if state.is_out else state.up
        silent = state.database.leases - {each.writer for each in there}
        processes = tuple(
            each._replace(suspects=silent if each in there else frozenset())
            for each in state.processes
        )
        after = state._replace(silent=silent, processes=processes)
        if after != state:
            yield Step("a lease passes", after)

    def _of_fate(self, state: State, place: int, process: Process) -> Iterator[Step]:
        name = NAMES[place]
        if not process.is_up:
            new = state.put(place, Process(writer=self._free_writer(state)))
            yield Step(f"{name} starts", new, is_calm=not state.up)
            return
        if state.left.crashes:
            dead = state.spend("crashes").put(place, Process(is_up=False, writer=-1))
            yield Step(f"{name} is killed", dead, is_calm=False)
        if process.is_paused:
            awake = state.put(place, process._replace(is_paused=False))
            yield Step(f"{name} wakes", awake, is_calm=not state.up)
        elif state.left.pauses:
            paused = process._replace(is_paused=True, suspects=frozenset())
            yield Step(f"{name} is paused", state.spend("pauses").put(place, paused), is_calm=False)

    def _free_writer(self, state: State) -> int:
        used = {each.writer for each in state.processes} | state.database.leases
        used |= state.in_doubt.leases if state.in_doubt else set()
        return next(number for number in range(len(used) + 1) if number not in used)

    # What a process does

    def _hear(self, state: State, place: int, process: Process) -> Iterator[Step]:
        """The answer to what made the reply its own: now it writes."""
        if begun := process.begins:
            if not begun.ending:
                state = state._replace(asked=state.asked + 1)
                begun = begun._replace(request=state.asked)
            writes = process._replace(generation=begun, begins=None)
            yield Step(f"{NAMES[place]} begins to write", state.put(place, writes))

    def _renew(self, state: State, place: int, process: Process) -> Iterator[Step]:
        after = state.renewed(process.writer)
        if process.writer in state.database.leases and after != state:
            yield Step(f"{NAMES[place]} renews its lease", after)

    def _send(self, state: State, place: int, process: Process) -> Iterator[Step]:
        by_symmetry = place and state == self.start  # it is A that gets the first
        if not (state.database.reply.state or by_symmetry):
            after = state.database.enlist(process.writer)
            after = after.change(state="waiting", owner=process.writer)
            yield from self._taking(state, place, f"{NAMES[place]} gets the message", after)

    def _take(self, state: State, place: int, process: Process) -> Iterator[Step]:
        """Claim, adopt and resume: each is a conditional update, and reads what is stored."""
        reply, writer, name = state.database.reply, process.writer, NAMES[place]
        mine = state.database.enlist(writer)
        writes = process.generation or process.begins
        may_claim = not (writes and self.rules.claims_what_it_does_not_write)
        if reply.is_running and reply.owner is None and may_claim:
            count = reply.takeovers + (not self.rules.hand_overs_are_free)
            after = mine.change(owner=writer, takeovers=count)
            yield from self._taking(state, place, f"{name} claims it", after)
        if reply.is_running and reply.owner == writer and self._may_adopt(process):
            yield from self._taking(state, place, f"{name} adopts it", mine)
        may_resume = not (writes and self.rules.resumes_after_the_end)
        if reply.state == "stopped" and may_resume and state.left.resumes:
            again = {"takeovers": 0, "finish_reason": False, "stop_requested": False}
            after = mine.change(state="waiting", owner=writer, in_vain=0, **again)
            resumed = state.spend("resumes")
            yield from self._taking(resumed, place, f"{name} resumes it", after, is_calm=False)

    def _may_adopt(self, process: Process) -> bool:
        return self.rules.owner_adopts and not (process.generation or process.begins)

    def _write(self, state: State, place: int, process: Process) -> Iterator[Step]:
        generation = process.generation
        for entry in self._entries(generation) if generation else ():
            after = self._commit(state.database, process.writer, generation, entry)
            known = process._replace(generation=self._learn(state, process, entry, after))
            doubt = process._replace(generation=generation._replace(entry=entry))
            what = f"settles it as {entry.ending}" if entry.ending else "stores a piece"
            what += " and the finish reason" if entry.is_last and not entry.ending else ""
            yield from self._transaction(
                state, place, f"{NAMES[place]} {what}", after, known, doubt
            )

    def _judge(self, state: State, place: int, process: Process) -> Iterator[Step]:
        """End the leases of those who are silent, and give their replies free."""
        if self.rules.silence_is_watched:
            guilty = process.suspects - {process.writer}
        else:
            guilty = state.silent
        for writer in guilty & state.database.leases:
            after = self._released(state.database, writer)
            if state.database.reply.owner == writer:
                count = (
                    after.reply.takeovers + self.rules.hand_overs_are_free
                )  # else the claim does
                after = after.change(takeovers=count, in_vain=after.reply.in_vain + 1)
            whose = "its own" if writer == process.writer else "a silent"
            ended = state.renewed(writer)._replace(database=after)
            yield Step(f"{NAMES[place]} ends {whose} lease", ended)

    def _leave(self, state: State, place: int, process: Process) -> Iterator[Step]:
        """In good order: what waits is stored, and its outcome known, before the lease is ended."""
        if state.left.leaves and not (process.generation and process.generation.entry):
            after = self._released(state.database, process.writer)
            gone = Process(is_up=False, writer=-1)
            left, name = state.spend("leaves"), f"{NAMES[place]} leaves"
            yield from self._transaction(left, place, name, after, gone, gone, is_calm=False)

    # Transactions

    def _taking(self, state, place, name, after, *, is_calm=True) -> Iterator[Step]:
        """A transaction that makes the reply ours, and reads what is stored of it."""
        process, reply = state.processes[place], after.reply
        begins = Generation(reply.text, 0, reply.finish_reason, self._ending_at_once(reply))
        if process.generation:  # only if a rule is left out
            begins = begins._replace(entry=process.generation.entry)
        if reply.was_finished and not begins.ending:
            after = after.change(wrong=MORE_AFTER_THE_END)
        known = process._replace(begins=begins)
        yield from self._transaction(state, place, name, after, known, process, is_calm)

    def _ending_at_once(self, reply: Reply) -> str:
        """What there is to settle without asking the provider."""
        if reply.finish_reason and (self.rules.finish_beats_stop or not reply.stop_requested):
            return "complete"
        if reply.stop_requested:
            return "stopped"
        return "interrupted" if reply.takeovers > MAX_TAKEOVERS else ""

    def _transaction(self, state, place, name, after, known, doubt, is_calm=True) -> Iterator[Step]:
        """It is done, and the process is `known`; or its answer is lost, and it is in `doubt`."""
        done = state.put(place, known)._replace(database=after)
        yield Step(name, done.renewed(state.processes[place].writer), is_calm)
        if state.left.losses and after != state.database:
            lost = state.spend("losses").put(place, doubt)._replace(in_doubt=after)
            yield Step(f"{name}; the answer is lost", lost, is_calm=False)

    def _entries(self, generation: Generation) -> list[Entry]:
        """What may be next: the provider may say that it ends with its last piece, or later."""
        start = generation.text
        if generation.entry:
            return [generation.entry]
        if generation.ending or generation.is_finished:
            return [Entry(start, generation.is_finished, generation.ending or "complete")]
        if start == self.pieces:
            return [Entry(start, True, "complete")]
        if start + 1 == self.pieces:
            return [Entry(start), Entry(start, True)]
        return [Entry(start)]

    def _commit(self, database, writer, generation, entry) -> Database:
        reply = database.reply
        owned = reply.is_running and reply.owner == writer
        if not owned and self.rules.owner_is_checked:
            return database
        return (
            self._settle(database, entry)
            if entry.ending
            else self._store(database, generation, entry)
        )

    def _settle(self, database: Database, entry: Entry) -> Database:
        wrong = TAKEN_BACK if entry.start < database.reply.text else ""
        if entry.ending == "complete" and entry.start != self.pieces:
            wrong = wrong or NOT_WHOLE
        settled = {"state": entry.ending, "owner": None, "text": entry.start, "last": None}
        return database.change(**settled, finish_reason=entry.is_last, wrong=wrong)

    def _store(self, database: Database, generation: Generation, entry: Entry) -> Database:
        reply, piece = database.reply, (entry.start, generation.request)
        if reply.last and reply.last[0] == entry.start:  # ON CONFLICT DO NOTHING, or an error
            if piece == reply.last or not self.rules.writes_are_repeatable:
                return database
            return database.change(wrong=SWALLOWED)
        return database.change(
            state="streaming",
            text=entry.start + 1,
            last=piece,
            takeovers=0 if self.rules.progress_counts else reply.takeovers,
            in_vain=0,
            finish_reason=entry.is_last and self.rules.finish_is_stored,
            was_finished=entry.is_last,
            wrong="" if entry.start == reply.text else DOUBLED,
        )

    def _learn(self, state, process, entry, after) -> Generation | None:
        """What becomes of the generation when the outcome of its entry is known."""
        reply, generation = state.database.reply, process.generation
        owned = reply.is_running and reply.owner == process.writer
        if entry.ending or (not owned and self.rules.owner_is_checked):
            return None  # settled, or lost: readers here follow what another process writes
        if after == state.database and not self.rules.writes_are_repeatable:
            return generation._replace(entry=None, ending="failed")  # "it cannot be stored"
        finished = entry.is_last and (self.rules.finish_beats_stop or not reply.stop_requested)
        ending = "stopped" if reply.stop_requested and not finished else ""
        return Generation(entry.start + 1, generation.request, entry.is_last, ending)

    def _released(self, database: Database, writer: int) -> Database:
        owner = None if database.reply.owner == writer else database.reply.owner
        return database._replace(leases=database.leases - {writer}).change(owner=owner)
