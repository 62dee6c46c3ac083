"""How a process gets a reply to write: stored, claimed or adopted. Synchronous, for threads.

Each returns the reply with all of its text, and the job to write it.
"""

from collections.abc import Callable
from uuid import UUID

from django.db import IntegrityError

from ..database import atomic
from ..models import Message, Writer
from .context import Job, load_job

Store = Callable[[UUID], Message]
Taken = tuple[Message, Job | None]


@atomic()
def store(create: Store, writer: UUID) -> Taken:
    """A new reply, by `create`. Both or nothing: one of ours without a job would run on."""
    reply = create(writer)
    return reply, load_job(reply)


def store_again(create: Store, writer: UUID, reply_id: UUID) -> Taken:
    """As `store`, after a try whose answer was lost, or whose lease was ended meanwhile.

    There is no job if the reply is already done.
    """
    stored = Message.objects.select_related("conversation").filter(pk=reply_id)
    if reply := stored.filter(owner=writer).first():
        return reply, load_job(reply)
    Writer.enlist(writer)
    try:
        return store(create, writer)
    except IntegrityError:
        if reply := stored.first():
            return reply, None
        raise


@atomic()
def claim(reply_id: UUID, writer: UUID) -> Taken | None:
    """A reply whose writer is gone; None if another process was first."""
    return _taken(reply_id) if Message.objects.claim(reply_id, writer) else None


@atomic()
def adopt(reply_id: UUID, writer: UUID) -> Taken | None:
    """One that `writer` owns but never learnt was stored or claimed; None if it does not."""
    is_ours = Message.objects.written_by(writer).filter(pk=reply_id).exists()
    return _taken(reply_id) if is_ours else None


def load(reply_id: UUID) -> Message:
    """A reply with all of its text, as of one moment. Raises Message.DoesNotExist."""
    return Message.objects.replies().select_related("conversation").get(pk=reply_id).catch_up()


def _taken(reply_id: UUID) -> Taken:
    reply = load(reply_id)
    return reply, load_job(reply)
