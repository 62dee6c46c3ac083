"""Replies without a browser: begun at the engine, or written by another process."""

import asyncio
from uuid import uuid4

from asgiref.sync import sync_to_async

from chat.engine.following import follow
from chat.models import Conversation, Message, Piece, Writer
from chat.models.endings import Ending, State
from chat.parts import SAID, Kind, Log, Part, text_of

ENDS = 10.0  # seconds


def new_writer():
    """A process that writes replies, as its row says."""
    return Writer.objects.create().pk


async def begin(engine, user, text="Hello", conversation=None, model="double-1"):
    """A person's message and its reply, which the engine writes from now on."""

    reply_id = uuid4()

    def store(writer):
        place = conversation or Conversation.begin(user, text)
        return place.post(text, model=model, writer=writer, reply_id=reply_id)

    return await engine.begin(store, reply_id)


async def resume(engine, reply):
    def store(writer):
        assert reply.conversation.resume(reply, writer=writer)
        return reply

    return await engine.begin(store, reply.pk)


async def ended(reply):
    """The reply as its row says, as soon as it has settled."""
    rows = Message.objects.select_related("conversation", "parent")
    await until(lambda: rows.exclude(state__in=State.running()).filter(pk=reply.pk).aexists())
    return await rows.aget(pk=reply.pk)


async def stored(reply, text):
    """Returns when so much of the reply has been stored."""

    def has_text():
        return Message.objects.get(pk=reply.pk).catch_up().text == text

    await until(sync_to_async(has_text))


async def until(condition, within=ENDS):
    """Returns when the database says so."""
    async with asyncio.timeout(within):
        while not await condition():  # noqa: ASYNC110 - nothing tells but the database
            await asyncio.sleep(0.01)


async def read_to_end(tail, after=0):
    async with asyncio.timeout(ENDS):
        return "".join([text_of(new.parts, *SAID) async for new in follow(tail, after)])


class OtherProcess:
    """Writes one reply as a process of its own would, by rows alone."""

    def __init__(self, user, text="Hello", writer=None):
        self.writer = writer or new_writer()
        self.reply = Conversation.begin(user, text).post(text, model="double-1", writer=self.writer)
        self.log = Log()

    def write(self, text, kind=Kind.TEXT):
        Piece.objects.create(reply=self.reply, start=len(self.log), kind=kind, text=text)
        Message.objects.filter(pk=self.reply.pk).update(state=State.STREAMING)
        self.log.extend(len(self.log), [Part(kind, text)])

    def settle(self, state=State.COMPLETE, finish_reason="stop"):
        ending = Ending(
            state, self.log.text, self.log.parts_to_store(), finish_reason=finish_reason
        )
        assert Message.objects.settle(self.reply.pk, self.writer, ending)

    def go_on_with(self, text, piece):
        """It has settled with this text, and goes on with a piece behind it."""
        Piece.objects.filter(reply=self.reply).delete()
        Message.objects.filter(pk=self.reply.pk).update(text=text)
        Piece.objects.create(reply=self.reply, start=len(text), text=piece)

    def retire(self):
        Writer.retire(self.writer)

    def die(self):
        Writer.objects.filter(pk=self.writer).delete()
