import asyncio
from contextlib import ExitStack
from uuid import uuid4

import pytest

from chat.following import Tail
from chat.limits import LimitReached
from chat.readers import Reader, Readers, _ended

pytestmark = pytest.mark.django_db


@pytest.fixture
def readers():
    return Readers()


def begin(readers, user, stack):
    """Somebody begins to read, until the stack is closed."""
    readers.check(user)
    stack.enter_context(readers.open(Reader(user.pk, "session", Tail(uuid4()))))


def test_it_counts_the_readers_of_each_person(readers, user, other_user, settings):
    settings.CHAT_READERS_PER_USER = 2
    with ExitStack() as stack:
        for reader in (user, user, other_user):
            begin(readers, reader, stack)
        with pytest.raises(LimitReached) as caught:
            readers.check(user)
    assert caught.value.retry_after > 0


def test_a_reader_that_leaves_makes_room(readers, user, settings):
    settings.CHAT_READERS_PER_USER = 1
    for _ in range(3):
        with ExitStack() as stack:
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


def test_it_knows_the_sessions_that_let_nobody_in(client, user):
    client.force_login(user)
    key = client.session.session_key
    assert _ended({key, "nonsense"}) == {"nonsense"}
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert _ended({key}) == {key}
