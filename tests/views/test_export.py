from urllib.parse import unquote

import pytest
from asgiref.sync import sync_to_async

from chat.models import Conversation, Message

from ..parts import stored_thoughts
from ..test_queries import queries_of, talk

KINDS = ["md", "json"]


@pytest.fixture
def url(conversation):
    return f"/chat/{conversation.pk}/export."


async def test_markdown_says_who_said_what(aclient, url):
    response = await aclient.get(url + "md")
    text = response.content.decode()
    assert response["Content-Type"] == "text/markdown; charset=utf-8"
    assert text.startswith("# Hello\n\n## You, 20") and "## double-1, 20" in text
    assert "\n\nHi *there* 👋\n" in text


async def test_markdown_has_the_times_of_the_browser(aclient, url):
    aclient.cookies["timezone"] = "Asia/Tokyo"
    assert " JST\n" in (await aclient.get(url + "md")).content.decode()


async def test_markdown_keeps_each_text_as_it_was_written(aclient, url):
    written = "  <b>&amp;\n\n\n# one\n"
    await Message.objects.filter(role="user").aupdate(text=written)
    assert f"\n\n{written}\n\n" in (await aclient.get(url + "md")).content.decode()


async def test_markdown_has_the_branch_that_is_shown(aclient, url, conversation):
    await Message.objects.acreate(
        conversation=conversation, role="assistant", state="stopped", text="Elsewhere", position=1
    )
    assert "Elsewhere" not in (await aclient.get(url + "md")).content.decode()


async def test_markdown_says_how_a_reply_ended(aclient, url, ends):
    await ends("stopped")
    assert "(stopped)\n\nHalf" in (await aclient.get(url + "md")).content.decode()


async def test_json_has_every_message(aclient, url, conversation):
    exported = (await aclient.get(url + "json")).json()
    asked, answered = exported["messages"]
    assert exported["title"] == "Hello" and exported["head"] == answered["id"]
    assert answered["parent"] == asked["id"] and answered["text"] == "Hi *there* 👋"
    assert answered.keys() == {
        *("id", "parent", "role", "text", "model", "state", "created", "rating", "comment")
    }


async def test_json_has_the_parts_of_a_reply_that_is_more_than_text(aclient, url):
    replies = Message.objects.filter(role="assistant")
    await replies.aupdate(text="Hi", parts=[*stored_thoughts("Hm."), {"kind": "text", "chars": 2}])
    _, answered = (await aclient.get(url + "json")).json()["messages"]
    assert answered["parts"] == [
        {"type": "reasoning", "text": "Hm."},
        {"type": "text", "text": "Hi"},
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_running_reply_is_in_it_as_far_as_it_is_stored(aclient, running, kind):
    response = await aclient.get(f"{running['conversation']['url']}export.{kind}")
    assert "one two" in response.content.decode()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation_without_messages_can_be_exported(aclient, user, kind):
    empty = await Conversation.objects.acreate(user=user, title="Empty")
    assert (await aclient.get(f"/chat/{empty.pk}/export.{kind}")).status_code == 200


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Hello", "Hello"),
        ("Grüße 👋 हिन्दी", "Grüße 👋 हिन्दी"),
        ('../a/b\\c:"d"\r\nX: y', "a b c d X y"),
        ("\u202egpj.exe", "gpj.exe"),
        ("...", "chat"),
        ("👋" * 200, "👋" * 50),
    ],
)
async def test_the_file_is_named_after_the_title(aclient, url, title, name):
    await Conversation.objects.aupdate(title=title)
    header = (await aclient.get(url + "md"))["Content-Disposition"]
    assert header.startswith("attachment; filename") and f"{name}.md" in unquote(header)


@pytest.mark.parametrize("kind", KINDS)
async def test_it_costs_the_same_however_long(aclient, url, user, kind):
    long = await sync_to_async(talk)(user, 60)
    urls = (url + kind, f"/chat/{long.pk}/export.{kind}")
    counts = [len(await queries_of(aclient, each)) for each in urls]
    assert counts[0] == counts[1] <= 4


@pytest.mark.parametrize("kind", KINDS)
async def test_it_needs_login(stranger, url, kind):
    assert (await stranger.get(url + kind)).status_code == 302


@pytest.mark.parametrize("kind", KINDS)
async def test_it_is_not_there_for_others(other_client, url, kind):
    assert (await other_client.get(url + kind)).status_code == 404


@pytest.mark.parametrize("kind", KINDS)
async def test_it_rejects_post(aclient, url, kind):
    assert (await aclient.post(url + kind)).status_code == 405
