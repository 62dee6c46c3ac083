"""Hooks as a site would write them: plain and async ones, good and bad."""

import asyncio
import threading
import time

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils.translation import gettext

from chat.hooks import Hooks, NotAccepted
from chat.models import Conversation

SECRET = "words-that-no-log-may-have"
ENOUGH = "You have asked enough for today."
gate = threading.Event()  # what hangs waits for it
threads = set()  # in which plain hooks ran


class Plain(Hooks):
    """All four, each with a look at the database."""

    def models(self, person, offered):
        name = get_user_model().objects.get(pk=person.pk).get_username()
        return [each for each in offered if each != f"double-{2 if name == 'ben' else 1}"]

    def accept(self, person, conversation, message):
        threads.add(threading.current_thread().name)
        if message.text == "refuse me":
            raise NotAccepted(ENOUGH)
        if message.text == "not yet":
            raise NotAccepted(ENOUGH, retry_after=30)

    def prompt(self, person, conversation, message, prompt):
        threads.add(threading.current_thread().name)
        chats = Conversation.objects.owned_by(person).count()
        prompt.instruction += f"{person.username} has {chats} chat."
        prompt.messages[-1]["content"] += f" ({message.text}, {conversation.title})"
        prompt.parameters["temperature"] = 0.5
        return prompt


class Async(Hooks):
    """The same, async."""

    async def models(self, person, offered):
        name = (await get_user_model().objects.aget(pk=person.pk)).get_username()
        return [each for each in offered if each != f"double-{2 if name == 'ben' else 1}"]

    async def accept(self, person, conversation, message):
        return await sync_to_async(Plain.accept)(self, person, conversation, message)

    async def prompt(self, person, conversation, message, prompt):
        chats = await Conversation.objects.owned_by(person).acount()
        prompt.instruction += f"{person.username} has {chats} chat."
        prompt.messages[-1]["content"] += f" ({message.text}, {conversation.title})"
        prompt.parameters["temperature"] = 0.5
        return prompt


class Nothing(Hooks):
    """No model for anybody."""

    def models(self, person, offered):
        return []


class NorthOnly(Hooks):
    """The models of one provider for everybody."""

    def models(self, person, offered):
        return [each for each in offered if each.startswith("north/")]


class AlwaysNorth(Hooks):
    """One model for all, whichever is asked for."""

    def prompt(self, person, conversation, message, prompt):
        prompt.model = "north/double-1"
        return prompt


class Failing(Hooks):
    def prompt(self, person, conversation, message, prompt):
        raise ValueError(SECRET + message.text)


class FailingAsync(Hooks):
    async def prompt(self, person, conversation, message, prompt):
        raise ValueError(SECRET + message.text)


class Hanging(Hooks):
    def prompt(self, person, conversation, message, prompt):
        if message.text == "hang":
            gate.wait(20)
        return prompt


class HangingAsync(Hooks):
    async def prompt(self, person, conversation, message, prompt):
        if message.text == "hang":
            await asyncio.sleep(20)
        return prompt


class Forgetful(Hooks):
    def prompt(self, person, conversation, message, prompt):
        prompt.instruction = "Lost, for it is not returned."


class Unsendable(Hooks):
    def prompt(self, person, conversation, message, prompt):
        prompt.parameters["when"] = threading
        return prompt


class FailingElsewhere(Hooks):
    def models(self, person, offered):
        raise ValueError(SECRET)


class FailingToAccept(Hooks):
    def accept(self, person, conversation, message):
        raise ValueError(SECRET + message.text)


class Translated(Hooks):
    def accept(self, person, conversation, message):
        raise NotAccepted(gettext("Write a message first."))


class Slow(Hooks):
    """Counts what is stored while it waits."""

    def accept(self, person, conversation, message):
        assert not connection.in_atomic_block
        time.sleep(0.01)


class Chosen(Hooks):
    """Another client for each model; `choices` are set by the test."""

    choices = {}

    def client(self, person, conversation, message, model):
        return self.choices.get(model)


class AsyncChosen(Chosen):
    async def client(self, person, conversation, message, model):
        return self.choices.get(model)


class TakesTooLittle(Hooks):
    def prompt(self, prompt):
        return prompt


class NeedsMore(Hooks):
    def __init__(self, more):
        self.more = more


class NoHooks:
    pass
