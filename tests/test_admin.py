from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse

from chat.models import Conversation, Message
from chat.parts import call

from .parts import stored_thoughts
from .test_queries import answer_again, queries_of, talk

LIST = "/admin/chat/conversation/"


@pytest.fixture
async def sue(engine, staff):
    """The browser of somebody of the staff."""
    client = AsyncClient()
    await client.aforce_login(staff)
    return client


@pytest.fixture
def conversation(user):
    return talk(user, 2)


def transcript(conversation):
    return reverse("admin:chat_conversation_change", args=[conversation.pk])


async def html_of(client, url):
    response = await client.get(url)
    assert response.status_code == 200
    return response.content.decode()


async def test_it_lists_the_conversations_of_everybody(sue, conversation, other_user):
    other = await sync_to_async(talk)(other_user, 4)
    html = await html_of(sue, LIST)
    assert str(conversation.pk) in html and str(other.pk) in html


async def test_it_shows_nothing_that_its_person_has_deleted(sue, conversation):
    await sync_to_async(conversation.remove)()
    assert str(conversation.pk) not in await html_of(sue, LIST)
    assert (await sue.get(transcript(conversation))).status_code == 302


@pytest.mark.parametrize("query", ["?q=there", "?replies=failed", "?replies=running", "?q=ana"])
async def test_it_searches_and_filters(sue, conversation, query):
    found = str(conversation.pk) in await html_of(sue, LIST + query)
    assert found == query.startswith("?q=")


async def test_it_shows_the_transcript(sue, conversation):
    html = await html_of(sue, transcript(conversation))
    assert "Hello" in html and "<em>there</em>" in html


async def test_times_are_those_of_the_browser(sue, conversation):
    then = datetime(2020, 5, 31, 23, 30, tzinfo=UTC)
    await Message.objects.aupdate(created_at=then)
    assert "May 31, 2020" in await html_of(sue, transcript(conversation))
    sue.cookies["timezone"] = "Asia/Tokyo"
    assert "June 1, 2020" in await html_of(sue, transcript(conversation))


async def test_it_shows_what_the_model_thought(sue, conversation):
    await Message.objects.replies().aupdate(parts=stored_thoughts("Let me *see*. <b>"))
    html = await html_of(sue, transcript(conversation))
    assert "Let me <em>see</em>." in html and "<summary>Thoughts</summary>" in html


async def test_it_shows_what_the_model_wanted_to_call(sue, conversation):
    called = call("1", "weather", '{"city": "<b>"}')
    await Message.objects.replies().aupdate(parts=[{"kind": "call", "text": called.text}])
    html = await html_of(sue, transcript(conversation))
    assert "weather({&quot;city&quot;: &quot;&lt;b&gt;&quot;})" in html


async def test_it_shows_raw_html_as_text(sue, conversation):
    await Message.objects.filter(role="user").aupdate(text="<script>alert(1)</script>")
    html = await html_of(sue, transcript(conversation))
    assert "<script>alert(1)" not in html and "&lt;script&gt;alert(1)" in html


async def test_it_says_where_there_are_other_versions(sue, conversation):
    assert "version 1 of" not in await html_of(sue, transcript(conversation))
    reply = await Message.objects.replies().select_related("conversation", "parent").aget()
    await sync_to_async(answer_again)(reply)
    html = await html_of(sue, transcript(conversation))
    assert html.count("version 2 of 2") == 1 and "Again" in html


async def test_it_shows_ratings_and_what_was_said_of_them(sue, conversation):
    said = {"rating": -1, "rating_comment": "Too <b>short</b>"}
    await Message.objects.filter(role="assistant").aupdate(**said)
    assert "1 bad" in await html_of(sue, LIST)
    html = await html_of(sue, transcript(conversation))
    assert "Rated bad" in html and "Too &lt;b&gt;short" in html


@pytest.mark.parametrize(("rating", "name"), [(1, "good"), (-1, "bad")])
async def test_it_filters_by_rating(sue, conversation, rating, name):
    assert str(conversation.pk) not in await html_of(sue, f"{LIST}?replies={name}")
    await Message.objects.filter(role="assistant").aupdate(rating=rating)
    assert str(conversation.pk) in await html_of(sue, f"{LIST}?replies={name}")


@pytest.mark.parametrize(("verb", "name"), [("share", "shared"), ("archive", "archived")])
async def test_it_filters_by_what_its_person_did(sue, conversation, verb, name):
    assert str(conversation.pk) not in await html_of(sue, f"{LIST}?kept={name}")
    await sync_to_async(getattr(conversation, verb))()
    html = await html_of(sue, f"{LIST}?kept={name}")
    assert str(conversation.pk) in html and f'class="field-state">{name}' in html


async def test_it_shows_the_instruction_and_who_named_it(sue, conversation):
    await Conversation.objects.aupdate(instruction="Be brief.", titled_by="model")
    html = await html_of(sue, transcript(conversation))
    assert "Be brief." in html and "the model" in html


async def test_a_share_link_is_not_told(sue, conversation):
    await sync_to_async(conversation.share)()
    assert str(conversation.share_token) not in await html_of(sue, transcript(conversation))


async def test_the_rest_of_what_people_keep_is_not_there(sue):
    for name in ("preset", "preferences", "message"):
        assert (await sue.get(f"/admin/chat/{name}/")).status_code == 404


async def test_nobody_changes_what_was_said(sue, conversation):
    response = await sue.post(transcript(conversation), {"title": "Other"})
    await conversation.arefresh_from_db()
    assert response.status_code == 403 and conversation.title == "Hello"


async def test_nobody_adds_conversations(sue):
    assert (await sue.get(LIST + "add/")).status_code == 403


async def test_it_needs_staff(aclient, conversation):
    for url in (LIST, transcript(conversation)):
        response = await aclient.get(url)
        assert response.status_code == 302 and "/admin/login/" in response["Location"]


async def test_the_list_costs_the_same_however_long(sue, user, conversation):
    before = len(await queries_of(sue, LIST))
    for _ in range(20):
        await sync_to_async(talk)(user, 2)
    assert len(await queries_of(sue, LIST)) == before <= 12


async def test_a_transcript_costs_the_same_however_long(sue, user, conversation):
    long = await sync_to_async(talk)(user, 60)
    await html_of(sue, transcript(conversation))  # Django keeps what type of content it is
    counts = [len(await queries_of(sue, transcript(each))) for each in (conversation, long)]
    assert counts[0] == counts[1] <= 12
