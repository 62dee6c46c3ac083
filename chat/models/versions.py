"""Numbers the alternative messages at one place of a conversation."""

from collections import defaultdict
from typing import NamedTuple, Self
from uuid import UUID

from .message import Message


class Version(NamedTuple):
    number: int  # from 1, the oldest
    count: int
    previous: UUID | None
    next: UUID | None

    @classmethod
    def of(cls, message: UUID, siblings: list[UUID]) -> Self:
        """`siblings` are the messages at its place, oldest first, itself included."""
        index = siblings.index(message)
        around = [None, *siblings, None]
        return cls(index + 1, len(siblings), around[index], around[index + 2])


def number_versions(messages: list[Message]) -> None:
    """Set the `version` of each message of one branch, oldest first; in one query."""
    if not messages:
        return
    first, last = messages[0], messages[-1]
    rows = Message.objects.filter(
        conversation=first.conversation_id, position__range=(first.position, last.position)
    ).order_by("created_at", "pk")
    places = defaultdict(list)
    for parent, role, pk in rows.values_list("parent", "role", "pk"):
        places[parent, role].append(pk)
    for message in messages:
        siblings = places[message.parent_id, message.role]
        message.version = Version.of(message.pk, siblings) if message.pk in siblings else None
