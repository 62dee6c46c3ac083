import asyncio
from contextlib import ExitStack
from uuid import uuid4

import pytest

from chat.engine.readers import Reader, Readers
from chat.limits import LimitReached

pytestmark = pytest.mark.django_db


@pytest.fixture
def readers():
    return Readers()


def begin(readers, user, stack):
    """Somebody begins to read, until the stack is closed."""
    reader = stack.enter_context(readers.admit(Reader(user.pk, "session", "password", uuid4())))
    stack.callback(readers.leave, reader)


def test_it_counts_the_readers_of_each_person(readers, user, other_user, settings):
    settings.CHAT_READERS_PER_USER = 2
    with ExitStack() as stack:
        for reader in (user, user, other_user):
            begin(readers, reader, stack)
        with pytest.raises(LimitReached) as caught:
            begin(readers, user, stack)
    assert caught.value.retry_after > 0


def test_a_reader_that_leaves_makes_room(readers, user, settings):
    settings.CHAT_READERS_PER_USER = 1
    for _ in range(3):
        with ExitStack() as stack:
            begin(readers, user, stack)


def test_a_reader_whose_stream_comes_to_nothing_makes_room(readers, user, settings):
    settings.CHAT_READERS_PER_USER = 1
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            readers.admit(Reader(user.pk, "session", "password")),
        ):
            _ = 1 / 0


def test_who_leaves_twice_leaves_once(readers, user, settings):
    settings.CHAT_READERS_PER_USER = 2
    with ExitStack() as stack:
        begin(readers, user, stack)
        with readers.admit(Reader(user.pk, "session", "password")) as reader:
            readers.leave(reader)
        readers.leave(reader)
        begin(readers, user, stack)
        with pytest.raises(LimitReached):
            begin(readers, user, stack)


def test_it_knows_when_nobody_reads_any_more(readers, user):
    async def gone():
        async with asyncio.timeout(0.05):
            await readers.gone()

    with ExitStack() as stack:
        begin(readers, user, stack)
        with pytest.raises(TimeoutError):
            asyncio.run(gone())
    asyncio.run(gone())
