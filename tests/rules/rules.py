"""The rules for who writes a reply, those of today and the old ones, and how a rule may fail us."""

from dataclasses import dataclass

MAX_TAKEOVERS = 1  # without progress

TAKEN_BACK = "text that was shown is taken back"
FAILED = "it fails, and neither provider nor person had a part in it"
INTERRUPTED = "it is interrupted, and was not begun in vain so often"
DOUBLED = "a piece is stored twice, or not in its place"
SWALLOWED = "a piece is taken for stored, and another stands in its place"
NOT_WHOLE = "it is complete without all of its text"
MORE_AFTER_THE_END = "the provider is asked for more than its whole answer"
ASKED_TOO_OFTEN = "the provider is asked more often than there was a reason to"
ANOTHER_END = "the provider has ended it, and it is not complete"
STOPPED_ALONE = "it is stopped, and nobody asked for that since it runs"
TOLD_TOO_MUCH = "a process believes more stored than is"


@dataclass(frozen=True)
class Rules:
    """The rules of today; each may be left out to see what it is for."""

    # A piece that is there already, by this very entry, is stored.
    writes_are_repeatable: bool = True
    # Mine by the row and not written here: a commit's answer was lost. Who sees it goes on with it,
    # after a grace for what is just being begun: the answer may be on its way.
    owner_adopts: bool = True
    # A takeover is a lease that ran out; an adoption is none, nor is leaving in good order.
    hand_overs_are_free: bool = True
    # The count of takeovers begins anew with each new piece.
    progress_counts: bool = True
    # Silence is what was watched for a whole lease by one who was up, never the age of a row.
    silence_is_watched: bool = True
    # The transaction of the last piece stores the finish reason; who finds it asks no further.
    finish_is_stored: bool = True
    # What the provider has ended is complete, also if a stop comes before it is settled.
    finish_beats_stop: bool = True
    # A process resumes a reply only when its own earlier generation of it has ended.
    resumes_after_the_end: bool = True
    # A commit stores only what its process owns, as the row says in that transaction.
    owner_is_checked: bool = True
    # A process that writes a reply does not claim it.
    claims_what_it_does_not_write: bool = True


NEW = Rules()
OLD = Rules(
    writes_are_repeatable=False,
    owner_adopts=False,
    hand_overs_are_free=False,
    progress_counts=False,
    silence_is_watched=False,
    finish_is_stored=False,
    finish_beats_stop=False,
    resumes_after_the_end=False,
)
