"""The tree of a conversation: a branch leads from its first message to one that nothing answers."""

import uuid
from typing import Self

from django.db import connection, models
from django.db.models.expressions import RawSQL

# The branch that ends at a message: so many of its last ones, with so many characters.
PATH = """
    WITH RECURSIVE path(id, parent_id, depth, chars) AS (
        SELECT id, parent_id, 1, length(text) FROM chat_message WHERE id = %s
        UNION ALL
        SELECT m.id, m.parent_id, depth + 1, chars + length(m.text)
        FROM chat_message m JOIN path ON m.id = path.parent_id
        WHERE depth < %s AND chars + length(m.text) <= %s
    )"""


class BranchQuerySet(models.QuerySet):
    def newest_below(self, top: uuid.UUID) -> models.Model:
        """Where the branch that was last gone on with below `top` ends; perhaps `top` itself."""
        sql = """
            WITH RECURSIVE below(id) AS (
                SELECT id FROM chat_message WHERE id = %s
                UNION ALL
                SELECT m.id FROM chat_message m JOIN below ON m.parent_id = below.id
            )
            SELECT id FROM below"""
        top_value = self.model._meta.pk.get_db_prep_value(top, connection)
        ends = self.filter(pk__in=RawSQL(sql, [top_value]), answers=None)
        return ends.latest("created_at", "pk")

    def path(self, head: uuid.UUID, *, messages: int, chars: int | None = None) -> Self:
        """The branch that ends at `head`, oldest first: its last ones, within both bounds."""
        bounds = self._path_bounds(head, messages, chars)
        within = RawSQL(f"{PATH} SELECT id FROM path", bounds)
        return self.filter(pk__in=within).order_by("position")

    def said(self, head: uuid.UUID, *, messages: int, chars: int) -> list[tuple[str, str, int]]:
        """Role, text and position of each message of the path, without the ORM: for each reply."""
        with connection.cursor() as cursor:
            cursor.execute(
                f"{PATH} SELECT m.role, m.text, m.position"
                " FROM path JOIN chat_message m ON m.id = path.id ORDER BY m.position",
                self._path_bounds(head, messages, chars),
            )
            return cursor.fetchall()

    def _path_bounds(self, head: uuid.UUID, messages: int, chars: int | None) -> list:
        head_value = self.model._meta.pk.get_db_prep_value(head, connection)
        return [head_value, messages, 2**31 - 1 if chars is None else chars]
