from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from chat.markup import VERSION
from chat.models import (
    MAX_PRESETS,
    PINNED_AT_MOST,
    UNDO_FOR,
    Conversation,
    Message,
    NothingToShare,
    Piece,
    Preset,
    ReplyRunning,
    TooManyPinned,
    TooManyPresets,
    Writer,
    number_versions,
    sql,
    tick,
)
from chat.models.endings import Ending, State

pytestmark = pytest.mark.django_db
WRITER, OTHER = uuid4(), uuid4()


@pytest.fixture
def conversation(user):
    begun = Conversation.begin(user, "Hello")
    begun.save()
    for writer in (WRITER, OTHER):
        Writer.enlist(writer)
    return begun


@pytest.fixture
def reply(conversation):
    """A reply that WRITER writes."""
    return conversation.post("Hello", model="double-1", writer=WRITER)


def settle(reply, state=State.COMPLETE, text="Hi", **fields):
    fields.setdefault("finish_reason", "stop")
    assert Message.objects.settle(reply.pk, reply.owner_id, Ending(state, text, **fields))
    reply.refresh_from_db()
    return reply


def stored(reply):
    return Message.objects.get(pk=reply.pk)


# Conversations


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello", "Hello"),
        ("\n\n  First line \nsecond", "First line"),
        ("x" * 500, "x" * 80),
        ("a" * 79 + "  b", "a" * 79 + "…"),
        ("```python\n\n  print(1)\n```", "print(1)"),
        ("---\nWhy?", "Why?"),
        ("```", "```"),
        ("\u200b", "\u200b"),
        ("\x1c", "…"),
    ],
)
def test_it_is_named_after_its_first_line(user, text, title):
    assert Conversation.begin(user, text).title == title


def test_it_belongs_to_one_person(conversation, user, other_user):
    assert Conversation.objects.owned_by(user).get() == conversation
    assert not Conversation.objects.owned_by(other_user).exists()


def test_it_lists_the_newest_first_and_says_what_is_being_answered(user):
    Writer.enlist(WRITER)
    first, second = Conversation.begin(user, "one"), Conversation.begin(user, "two")
    settle(second.post("Hello", model="m", writer=WRITER))
    first.post("Hello", model="m", writer=WRITER)
    listed = Conversation.objects.owned_by(user).with_activity()
    assert [(each, each.is_answering) for each in listed] == [(first, True), (second, False)]


# Keeping


@pytest.mark.parametrize(
    ("verb", "field"), [("pin", "pinned_at"), ("archive", "archived_at"), ("remove", "deleted_at")]
)
def test_what_is_done_to_it_is_a_change_and_no_activity(conversation, verb, field):
    before = conversation.updated_at, conversation.changed_at
    getattr(conversation, verb)()
    conversation.refresh_from_db()
    assert getattr(conversation, field) and conversation.updated_at == before[0]
    assert conversation.changed_at > before[1]


def test_its_persons_title_is_theirs(conversation):
    conversation.rename("Lisbon")
    conversation.refresh_from_db()
    assert (conversation.title, conversation.titled_by) == ("Lisbon", "person")


def test_what_is_archived_is_not_pinned(conversation):
    conversation.pin()
    conversation.archive()
    assert conversation.pinned_at is None
    conversation.pin()
    assert conversation.archived_at is None


def test_nobody_pins_without_end(user, conversation):
    for _ in range(PINNED_AT_MOST):
        Conversation.objects.create(user=user, title="x", pinned_at=timezone.now())
    with pytest.raises(TooManyPinned):
        conversation.pin()


def test_what_is_removed_belongs_to_nobody_until_it_is_restored(conversation, reply, user):
    conversation.remove()
    mine = [each.objects.owned_by(user) for each in (Conversation, Message)]
    assert not any(each.exists() for each in mine)
    Conversation.objects.restorable_by(user).get().restore()
    assert all(each.all().exists() for each in mine)


def test_nothing_is_posted_to_what_is_removed(conversation, reply):
    settle(reply)
    conversation.remove()
    with pytest.raises(Conversation.DoesNotExist):
        conversation.post("And?", model="m", writer=WRITER)


def test_its_reply_has_no_writer_any_more_while_it_is_deleted(conversation):
    conversation.post("Hello", model="m", writer=WRITER)
    owners = []

    def look(**_):
        owners.append(Message.objects.replies().get().owner_id)

    pre_delete.connect(look, sender=Conversation)
    try:
        conversation.delete()
    finally:
        pre_delete.disconnect(look, sender=Conversation)
    assert owners == [None]


def test_what_was_removed_a_while_ago_is_purged_and_not_restored(user, conversation):
    later = Conversation.begin(user, "later")
    later.save()
    later.remove()
    long_ago = timezone.now() - UNDO_FOR
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=long_ago)
    assert Conversation.objects.purgeable().get() == conversation
    assert Conversation.objects.restorable_by(user).get() == later


def test_the_version_of_the_list_changes_with_what_is_removed(user, conversation):
    before = Conversation.objects.version(user)
    conversation.remove()
    assert Conversation.objects.version(user) != before


# Posting


def test_it_stores_the_message_and_an_empty_reply(conversation, reply):
    message = reply.parent
    assert (message.role, message.text, message.position) == ("user", "Hello", 0)
    assert (reply.role, reply.text, reply.position) == ("assistant", "", 1)
    assert (reply.state, reply.model, reply.owner_id) == ("waiting", "double-1", WRITER)


def test_it_shows_the_new_reply(conversation, reply):
    conversation.refresh_from_db()
    assert conversation.head == reply and conversation.updated_at >= reply.created_at


def test_it_goes_on_behind_the_head(conversation, reply):
    settle(reply)
    further = conversation.post("And?", model="m", writer=WRITER)
    assert (further.parent.parent, further.position) == (reply, 3)


def test_it_waits_for_a_running_reply(conversation, reply):
    with pytest.raises(ReplyRunning), transaction.atomic():
        conversation.post("And?", model="m", writer=WRITER)
    assert Message.objects.count() == 2


def test_it_stores_a_client_id_once(conversation, reply):
    settle(reply)
    client_id = uuid4()
    settle(conversation.post("one", model="m", writer=WRITER, client_id=client_id))
    with pytest.raises(IntegrityError), transaction.atomic():
        conversation.post("two", model="m", writer=WRITER, client_id=client_id)


# Sharing


def test_sharing_again_moves_the_copy_and_keeps_the_link(conversation, reply):
    settle(reply)
    conversation.share()
    token = conversation.share_token
    further = settle(conversation.post("And?", model="m", writer=WRITER))
    assert conversation.shared_head == reply
    conversation.share()
    assert (conversation.share_token, conversation.shared_head) == (token, further)


def test_sharing_ends_before_a_running_reply(conversation, reply):
    settle(reply)
    conversation.post("And?", model="m", writer=WRITER)
    conversation.share()
    assert Conversation.objects.shared().get().shared_head == reply


def test_there_is_nothing_to_share_without_a_settled_reply(conversation, reply):
    with pytest.raises(NothingToShare):
        conversation.share()


def test_what_is_not_shared_any_more_has_no_link(conversation, reply):
    settle(reply)
    conversation.share()
    conversation.unshare()
    assert not Conversation.objects.shared().exists()


# Again


def test_retry_answers_the_same_message_and_keeps_the_first_reply(conversation, reply):
    settle(reply, State.FAILED, "", error="It broke.", finish_reason="")
    again = conversation.retry(reply, model="m", writer=WRITER)
    assert again.parent == reply.parent and again.position == reply.position
    assert stored(reply).state == State.FAILED
    conversation.refresh_from_db()
    assert conversation.head == again


def test_retry_waits_for_a_running_reply(conversation, reply):
    with pytest.raises(ReplyRunning):
        conversation.retry(reply, model="m", writer=WRITER)


def test_resume_lets_the_reply_run_again_with_its_text(conversation, reply):
    settle(reply, State.STOPPED, "Half")
    assert conversation.resume(reply, writer=OTHER)
    again = stored(reply)
    assert (again.state, again.text, again.owner_id) == (State.WAITING, "Half", OTHER)


def test_resume_forgets_how_it_ended(conversation, reply):
    Message.objects.filter(pk=reply.pk).update(stop_requested=True, takeovers=4)
    settle(reply, State.FAILED, "Half", error="It broke.", finish_reason="")
    conversation.resume(reply, writer=OTHER)
    again = stored(reply)
    assert (again.error, again.finish_reason) == ("", "")
    assert (again.stop_requested, again.takeovers) == (False, 0)


@pytest.mark.parametrize("state", [State.COMPLETE, State.FILTERED])
def test_resume_leaves_a_whole_reply_alone(conversation, reply, state):
    settle(reply, state)
    assert not conversation.resume(reply, writer=OTHER)
    assert stored(reply).state == state


def test_resume_waits_for_a_running_reply(conversation, reply):
    settle(reply, State.STOPPED)
    conversation.post("And?", model="m", writer=WRITER)
    with pytest.raises(ReplyRunning):
        conversation.resume(reply, writer=OTHER)


# Versions


def shown(conversation):
    conversation.refresh_from_db()
    return path(conversation.head)


def edit(conversation, message, text):
    reply = conversation.post(text, model="m", writer=WRITER, replaces=message)
    return settle(reply, text=text.upper())


def test_an_edited_message_begins_a_branch_and_the_earlier_one_is_kept(conversation):
    last = branch(conversation, "abc")
    second = Message.objects.get(text="b")
    edited = edit(conversation, second, "x").parent
    assert (edited.parent_id, edited.position) == (second.parent_id, second.position)
    assert shown(conversation) == ["a", "A", "x", "X"] and path(last) == [*"aAbBcC"]


def test_the_first_message_can_be_edited(conversation):
    first = branch(conversation, "ab").parent.parent.parent
    assert (first.text, edit(conversation, first, "x").parent.position) == ("a", 0)
    assert shown(conversation) == ["x", "X"]


def test_editing_waits_for_a_running_reply(conversation, reply):
    with pytest.raises(ReplyRunning):
        conversation.post("x", model="m", writer=WRITER, replaces=reply.parent)


def test_a_version_is_shown_with_what_came_of_it(conversation):
    branch(conversation, "abc")
    second = Message.objects.get(text="b")
    edited = edit(conversation, second, "x").parent
    conversation.show(second)
    assert shown(conversation) == [*"aAbBcC"]
    conversation.show(edited)
    assert shown(conversation) == [*"aAxX"]


def test_a_version_is_shown_as_it_was_last_gone_on_with(conversation):
    first = branch(conversation, "ab").parent.parent
    again = settle(conversation.retry(first, model="m", writer=WRITER), text="again")
    conversation.show(first)
    branch(conversation, "c")
    edit(conversation, Message.objects.get(text="b"), "x")
    conversation.show(again)
    conversation.show(first)
    assert shown(conversation) == [*"aAxX"]


def test_showing_is_a_change_but_no_activity(conversation, reply):
    settle(reply)
    before = Conversation.objects.get()
    conversation.show(reply)
    after = Conversation.objects.get()
    assert after.changed_at > before.changed_at and after.updated_at == before.updated_at


def test_showing_waits_for_a_running_reply(conversation, reply):
    with pytest.raises(ReplyRunning):
        conversation.show(reply.parent)


def numbered(*messages):
    messages = [Message.objects.get(pk=each.pk) for each in messages]
    number_versions(messages)
    return [each.version for each in messages]


def test_a_message_alone_is_the_only_version(conversation, reply):
    assert numbered(reply.parent, reply) == [(1, 1, None, None)] * 2


def test_versions_are_numbered_from_the_oldest(conversation, reply):
    replies = [settle(reply)]
    for _ in range(2):
        replies.append(settle(conversation.retry(reply, model="m", writer=WRITER)))
    one, two, three = [each.pk for each in replies]
    assert numbered(replies[1]) == [(2, 3, one, three)]
    assert numbered(reply.parent, replies[2]) == [(1, 1, None, None), (3, 3, two, None)]


def test_the_versions_of_the_first_message_are_those_of_its_conversation(conversation, user):
    first = branch(conversation, "a").parent
    edited = edit(conversation, first, "x").parent
    branch(Conversation.begin(user, "other"), "a")
    assert numbered(edited) == [(2, 2, first.pk, None)]


def test_answers_to_different_versions_are_no_versions_of_each_other(conversation):
    reply = branch(conversation, "a")
    edited = edit(conversation, reply.parent, "x")
    assert numbered(edited.parent, edited)[1] == (1, 1, None, None)


# How replies end


@pytest.mark.parametrize(
    ("state", "text", "can_retry", "can_continue"),
    [
        (State.COMPLETE, "Hi", False, False),
        (State.FILTERED, "Hi", True, False),
        (State.LENGTH, "Hi", False, True),
        (State.STOPPED, "Hi", False, True),
        (State.STOPPED, "", True, False),
        (State.ABANDONED, "Hi", False, True),
        (State.INTERRUPTED, "", True, False),
        (State.FAILED, "Hi", True, True),
        (State.FAILED, "", True, False),
        (State.WAITING, "", False, False),
        (State.STREAMING, "Hi", False, False),
    ],
)
def test_each_end_offers_the_way_onward(state, text, can_retry, can_continue):
    reply = Message(role=Message.Role.ASSISTANT, state=state, text=text)
    assert (reply.can_retry, reply.can_continue) == (can_retry, can_continue)


def test_a_reply_of_full_length_cannot_go_on(settings):
    settings.CHAT_REPLY_CHARS = 3
    assert not Message(role=Message.Role.ASSISTANT, state=State.LENGTH, text="abc").can_continue


@pytest.mark.parametrize("state", [s for s in State if s not in ("failed", "complete")])
def test_only_a_complete_end_needs_no_word(state):
    running = state in State.running()
    assert bool(Message(role=Message.Role.ASSISTANT, state=state).note) == (not running)


def test_a_failed_reply_says_its_error():
    assert Message(state=State.FAILED, error="It broke.").note == "It broke."


# Settling


def test_it_settles_once(reply):
    settle(reply, text="Hi")
    assert not Message.objects.settle(reply.pk, WRITER, Ending(State.STOPPED, "other"))
    assert (stored(reply).state, stored(reply).text) == (State.COMPLETE, "Hi")


def test_it_settles_only_what_it_writes(reply):
    assert not Message.objects.settle(reply.pk, OTHER, Ending(State.STOPPED))
    assert stored(reply).is_running


def test_settling_puts_the_pieces_into_the_text(reply):
    Piece.objects.create(reply=reply, start=0, text="Hi")
    assert stored(reply).catch_up().text == "Hi"
    settle(reply, text="Hi you")
    assert not Piece.objects.exists() and stored(reply).catch_up().text == "Hi you"
    assert stored(reply).owner is None


def test_the_text_of_a_running_reply_is_its_text_and_its_pieces_in_order(reply):
    Message.objects.filter(pk=reply.pk).update(text="one ")
    for start, text in [(10, "three"), (4, "two 👋 ")]:
        Piece.objects.create(reply=reply, start=start, text=text)
    assert stored(reply).catch_up().text == "one two 👋 three"


def test_its_html_is_that_which_was_stored(reply):
    settle(reply, text="*Hi*", rendered="<p>stored</p>", rendered_by=VERSION)
    assert stored(reply).html == "<p>stored</p>"


def test_its_html_is_made_anew_for_another_version(reply):
    settle(reply, text="*Hi*", rendered="<p>stored</p>", rendered_by=99)
    assert stored(reply).html == '<div class="block"><p><em>Hi</em></p></div>'


def test_its_html_may_be_stored_later(reply):
    assert not Message.objects.keep_html(reply.pk, "", "<p>it runs</p>")
    settle(reply, text="*Hi*")
    assert not Message.objects.keep_html(reply.pk, "*Hi", "<p>of less text</p>")
    assert Message.objects.keep_html(reply.pk, "*Hi*", "<p>later</p>")
    assert stored(reply).html == "<p>later</p>"


@pytest.mark.parametrize(("text", "is_plain"), [("*Hi*", False), ("a@b.c " * 26_208, True)])
def test_it_says_whether_it_could_be_formatted(reply, text, is_plain):
    settle(reply, text=text)
    assert stored(reply).is_plain == is_plain


# Writers


def test_a_reply_whose_writer_is_gone_is_an_orphan(reply):
    Writer.objects.get(pk=WRITER).delete()
    assert Message.objects.orphaned().get() == reply
    assert not Message.objects.written_by(WRITER).exists()


def test_a_writer_that_is_gone_settles_nothing(reply):
    Writer.objects.get(pk=WRITER).delete()
    assert not Message.objects.settle(reply.pk, WRITER, Ending(State.STOPPED, "x"))


def test_one_claims_an_orphan(reply):
    Writer.objects.get(pk=WRITER).delete()
    assert Message.objects.claim(reply.pk, OTHER)
    assert not Message.objects.claim(reply.pk, uuid4())
    assert (stored(reply).owner_id, stored(reply).takeovers) == (OTHER, 0)


def test_nobody_claims_what_is_written(reply):
    assert not Message.objects.claim(reply.pk, OTHER)
    assert stored(reply).owner_id == WRITER


def test_nobody_claims_what_has_settled(reply):
    settle(reply)
    assert not Message.objects.claim(reply.pk, OTHER)


def renewal(writer):
    with connection.cursor() as cursor:
        return tick.leases(sql.Batch(cursor), uuid4())[0].get(writer)


def test_it_ends_a_lease_that_ran_out(reply):
    assert Writer.end_silent(WRITER, renewal(WRITER), monotonic())
    assert not Writer.objects.filter(pk=WRITER).exists()
    assert Message.objects.orphaned().get() == reply
    assert stored(reply).takeovers == 1


def test_it_leaves_a_lease_that_was_renewed_meanwhile(reply):
    before = renewal(WRITER)
    Writer.objects.update(renewed_at=timezone.now() + timedelta(hours=1))
    assert not Writer.end_silent(WRITER, before, monotonic())
    assert Message.objects.written_by(WRITER).exists()


def test_who_had_to_wait_ends_no_lease(reply):
    assert not Writer.end_silent(WRITER, renewal(WRITER), monotonic() - 1)
    assert Message.objects.written_by(WRITER).exists()


def test_a_process_that_leaves_is_no_death(reply):
    Writer.retire(WRITER)
    assert not Writer.objects.filter(pk=WRITER).exists() and stored(reply).takeovers == 0
    assert Message.objects.orphaned().get() == reply


# The path


def branch(conversation, texts):
    reply = None
    for text in texts:
        reply = settle(conversation.post(text, model="m", writer=WRITER), text=text.upper())
    return reply


def path(head, **bounds):
    bounds.setdefault("messages", 100)
    return list(Message.objects.path(head.pk, **bounds).values_list("text", flat=True))


def test_the_path_is_the_branch_oldest_first(conversation):
    assert path(branch(conversation, ["a", "b"])) == ["a", "A", "b", "B"]


def test_the_path_passes_over_other_branches(conversation):
    first = settle(conversation.post("a", model="m", writer=WRITER), State.STOPPED, "")
    again = settle(conversation.retry(first, model="m", writer=WRITER), text="A")
    assert path(again) == ["a", "A"] and path(first) == ["a", ""]


def test_the_path_is_bounded_in_messages(conversation):
    assert path(branch(conversation, "abc"), messages=3) == ["B", "c", "C"]


def test_the_path_is_bounded_in_characters(conversation):
    head = branch(conversation, ["aaaa", "bb", "c"])
    assert path(head, chars=6) == ["bb", "BB", "c", "C"]
    assert path(head, chars=5) == ["BB", "c", "C"]
    assert path(head, chars=0) == ["C"]


def test_the_path_counts_characters_as_python_does(conversation):
    assert path(branch(conversation, ["👋👋", "é"]), chars=6) == ["👋👋", "👋👋", "é", "É"]


def test_the_path_of_nothing_is_empty():
    assert list(Message.objects.path(uuid4(), messages=10)) == []


# What the database refuses


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "running"},
        {"state": ""},
        {"role": "user"},
        {"state": State.STOPPED},
        {"state": State.COMPLETE, "owner_id": None},
        {"state": State.FAILED, "owner_id": None},
    ],
    ids=str,
)
def test_the_database_refuses_a_reply_with(reply, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.filter(pk=reply.pk).update(**wrong)


def test_the_database_refuses_a_second_running_reply(conversation, reply):
    settle(reply)
    for expected in (None, "one_running_reply"):
        second = Message(conversation=conversation, role="assistant", position=9, state="waiting")
        if expected is None:
            second.save()
        else:
            with pytest.raises(IntegrityError), transaction.atomic():
                second.save()


def test_the_database_refuses_two_pieces_in_one_place(reply):
    Piece.objects.create(reply=reply, start=0, text="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Piece.objects.bulk_create([Piece(reply=reply, start=0, text="b")])


# Ratings


def test_a_settled_reply_is_rated(conversation, reply):
    settle(reply)
    assert reply.rate(Message.Rating.BAD, "Too long")
    assert (stored(reply).rating, stored(reply).rating_comment) == (-1, "Too long")


def test_a_running_reply_is_not_rated(conversation, reply):
    assert not reply.rate(Message.Rating.GOOD)
    assert stored(reply).rating is None


# Presets


@pytest.mark.django_db(transaction=True)
def test_many_presets_at_the_same_moment_are_no_more_than_possible(user):
    rows = [Preset(user=user, name=str(number), instruction="Hm.") for number in range(47)]
    Preset.objects.bulk_create(rows)

    def add(number):
        try:
            Preset(user=user, name=f"new {number}", instruction="Hm.").add()
        except TooManyPresets:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(add, range(12))) == 3
    assert user.chat_presets.count() == MAX_PRESETS
