"""The tree of a conversation: a branch runs from its first message to one without answers."""

import uuid
from typing import Self

from django.db import models
from django.db.models.expressions import RawSQL

from ..database import connection
from .sql import Batch, key

UNBOUNDED = 2**31 - 1

# The branch that ends at a message, limited in messages and characters.
PATH = """
    WITH RECURSIVE path(id, parent_id, depth, chars) AS (
        SELECT id, parent_id, 1, length(text) FROM chat_message WHERE id = %s
        UNION ALL
        SELECT m.id, m.parent_id, depth + 1, chars + length(m.text)
        FROM chat_message m JOIN path ON m.id = path.parent_id
        WHERE depth < %s AND chars + length(m.text) <= %s
    )"""
# A message and everything below it.
BELOW = """
    WITH RECURSIVE below(id) AS (
        SELECT id FROM chat_message WHERE id = %s
        UNION ALL
        SELECT m.id FROM chat_message m JOIN below ON m.parent_id = below.id
    )"""


class BranchQuerySet(models.QuerySet):
    def newest_below(self, top: uuid.UUID) -> models.Model:
        """The end of the newest branch below `top`; `top` itself if nothing follows it."""
        below = RawSQL(f"{BELOW} SELECT id FROM below", [key(top)])
        ends = self.filter(pk__in=below, answers=None)
        return ends.latest("created_at", "pk")

    def path(self, head: uuid.UUID, *, messages: int, chars: int | None = None) -> Self:
        """The branch that ends at `head`, oldest first: its last messages, within both limits."""
        bounds = [key(head), messages, UNBOUNDED if chars is None else chars]
        within = RawSQL(f"{PATH} SELECT id FROM path", bounds)
        return self.filter(pk__in=within).order_by("position")

    def said(self, head: uuid.UUID, *, messages: int, chars: int) -> list[tuple[str, str, int]]:
        """Role, text and position of each message of the path; without the ORM, for speed."""
        with connection.cursor() as cursor:
            return Batch(cursor).ask(
                f"{PATH} SELECT m.role, m.text, m.position"
                " FROM path JOIN chat_message m ON m.id = path.id ORDER BY m.position",
                head,
                messages,
                chars,
            )
