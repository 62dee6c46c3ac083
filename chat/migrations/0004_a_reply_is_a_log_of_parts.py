"""What a model thought moves from a column of its own into the parts of its reply.

A log is only ever added to. What was shared before a reply was continued is put where it stood
then, so that the length of the log says what was shared.
"""

import json

from django.db import migrations, models

AT_ONCE = 500  # rows

TO_PARTS = {
    "postgresql": """
        UPDATE chat_message SET parts =
            jsonb_build_array(jsonb_build_object('kind', 'reasoning', 'text', reasoning))
            || CASE WHEN text = '' THEN '[]'::jsonb ELSE
                jsonb_build_array(jsonb_build_object('kind', 'text', 'chars', length(text))) END
        WHERE reasoning <> '' AND parts = '[]'::jsonb""",
    "sqlite": """
        UPDATE chat_message SET parts = CASE WHEN text = '' THEN
            json_array(json_object('kind', 'reasoning', 'text', reasoning)) ELSE
            json_array(
                json_object('kind', 'reasoning', 'text', reasoning),
                json_object('kind', 'text', 'chars', length(text))
            ) END
        WHERE reasoning <> '' AND parts = '[]'""",
}
TO_REASONING = {
    "postgresql": """
        UPDATE chat_message SET reasoning = coalesce((
            SELECT string_agg(part->>'text', '' ORDER BY place)
            FROM jsonb_array_elements(parts) WITH ORDINALITY AS each(part, place)
            WHERE part->>'kind' = 'reasoning'), '')
        WHERE parts <> '[]'::jsonb""",
    "sqlite": """
        UPDATE chat_message SET reasoning = coalesce((
            SELECT group_concat(json_extract(value, '$.text'), '') FROM json_each(parts)
            WHERE json_extract(value, '$.kind') = 'reasoning'), '')
        WHERE parts <> '[]'""",
}


def to_parts(apps, schema_editor):
    """In the database, however many there are; in Python only what runs and what is shared."""
    _put_pieces_into_texts(apps)
    _place_what_was_shared(apps)
    _run(schema_editor, TO_PARTS)


def to_reasoning(apps, schema_editor):
    _put_pieces_into_texts(apps)
    _run(schema_editor, TO_REASONING)
    Conversation, Message = apps.get_model("chat", "Conversation"), apps.get_model("chat", "Message")
    for shared in Conversation.objects.exclude(shared_as=None).iterator(AT_ONCE):
        head = Message.objects.filter(pk=shared.shared_head_id).first()
        thoughts = min(len(head.reasoning) if head else 0, shared.shared_as["length"])
        shared.shared_as = {
            "title": shared.shared_as["title"],
            "state": shared.shared_as["state"],
            "chars": shared.shared_as["length"] - thoughts,
            "reasoning_chars": thoughts,
        }
        shared.save(update_fields=["shared_as"])


def _put_pieces_into_texts(apps):
    """A running reply goes on from its row; its pieces would have other places now."""
    Message, Piece = apps.get_model("chat", "Message"), apps.get_model("chat", "Piece")
    for pk in set(Piece.objects.values_list("reply_id", flat=True)):
        pieces = Piece.objects.filter(reply_id=pk).order_by("start")
        reply = Message.objects.get(pk=pk)
        reply.text += "".join(pieces.values_list("text", flat=True))
        reply.save(update_fields=["text"])
        pieces.delete()


def _place_what_was_shared(apps):
    Conversation, Message = apps.get_model("chat", "Conversation"), apps.get_model("chat", "Message")
    for shared in Conversation.objects.exclude(shared_as=None).iterator(AT_ONCE):
        was = shared.shared_as
        chars, thoughts = was.pop("chars"), was.pop("reasoning_chars")
        shared.shared_as = was | {"length": chars + thoughts}
        shared.save(update_fields=["shared_as"])
        head = Message.objects.filter(pk=shared.shared_head_id).exclude(reasoning="").first()
        if head:
            head.parts = list(_parts(head, thoughts, chars))
            head.save(update_fields=["parts"])


def _parts(head, thoughts, chars):
    """What it thought and wrote until it was shared, and then what came when it went on."""
    for thought, said in (
        (head.reasoning[:thoughts], head.text[:chars]),
        (head.reasoning[thoughts:], head.text[chars:]),
    ):
        if thought:
            yield {"kind": "reasoning", "text": thought}
        if said:
            yield {"kind": "text", "chars": len(said)}


def _run(schema_editor, statements):
    schema_editor.execute(statements[schema_editor.connection.vendor])


class Migration(migrations.Migration):
    dependencies = [("chat", "0003_what_is_counted_for_limits")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="parts",
            field=models.JSONField(blank=True, default=list, editable=False),
        ),
        migrations.AddField(
            model_name="piece",
            name="kind",
            field=models.CharField(default="text", max_length=9),
        ),
        migrations.RunPython(to_parts, to_reasoning),
        migrations.RemoveField(model_name="message", name="reasoning"),
    ]
