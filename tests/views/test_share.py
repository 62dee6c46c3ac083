from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from chat.limits import SHARED
from chat.models import Conversation, Message, Rate
from chat.models.endings import State
from chat.views.sharing import SHOWN

from ..double import Reasoning, Stall, Text, answer
from ..parts import stored_thoughts
from ..replies import new_writer, stored
from ..streams import read
from ..test_queries import queries_of, talk

JSON = {"accept": "application/json"}


@pytest.fixture
def url(conversation):
    return f"/chat/{conversation.pk}/"


@pytest.fixture
async def link(aclient, url):
    """Where the shared copy is."""
    return await shared(aclient, url)


async def shared(client, url):
    response = await client.post(url + "share", headers=JSON)
    assert response.status_code == 200
    return response.json()["url"].removeprefix("http://testserver")


async def html_of(client, url):
    response = await client.get(url)
    assert response.status_code == 200
    return response.content.decode()


async def go_on(conversation, text="And now?"):
    await sync_to_async(talk)(conversation.user, 2, conversation)


async def test_others_read_it_by_the_link(other_client, link):
    html = await html_of(other_client, link)
    assert "Hello" in html and "<p>Hi <em>there</em> 👋</p>" in html


async def test_the_copy_says_nothing_of_the_person_and_offers_nothing(other_client, link):
    html = await html_of(other_client, link)
    assert not any(each in html for each in ("ana", "<form", "<nav", "<textarea", "/replies/"))


async def test_the_copy_is_not_for_search_engines_or_caches(other_client, link):
    response = await other_client.get(link)
    assert response["X-Robots-Tag"] == "noindex"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "no-store" in response["Cache-Control"]


async def test_it_stays_as_it_was_until_it_is_shared_again(aclient, url, link, user):
    conversation = await Conversation.objects.select_related("user", "head").aget()
    await go_on(conversation)
    assert (await html_of(aclient, link)).count("<article") == 2
    assert await shared(aclient, url) == link
    assert (await html_of(aclient, link)).count("<article") == 4


async def test_a_reply_that_is_being_written_is_not_in_it(aclient, conversation, url):
    writer = await sync_to_async(new_writer)()
    await sync_to_async(conversation.post)("More", model="double-1", writer=writer)
    html = await html_of(aclient, await shared(aclient, url))
    assert html.count("<article") == 2 and "More" not in html


@pytest.fixture
async def half(aclient, ends, url):
    """The copy of a reply that was stopped; the reply."""
    reply = await ends(State.STOPPED, "Half")
    await Message.objects.filter(pk=reply.pk).aupdate(
        parts=[*stored_thoughts("Hm."), {"kind": "text", "chars": 4}]
    )
    return await shared(aclient, url), reply


async def resume(client, reply):
    """What the site says of a reply that goes on."""
    response = await client.post(f"/chat/replies/{reply.pk}/continue", headers=JSON)
    assert response.status_code == 201
    return response.json()["reply"]


async def test_a_reply_that_was_continued_later_stays_as_it_was(aclient, url, half, double):
    link, reply = half
    before = await html_of(aclient, link)
    assert "<p>Half</p>" in before and ">Stopped<" in before
    double.script(Reasoning("Well."), *answer(" and half"))
    await read(aclient, (await resume(aclient, reply))["events"])
    assert await html_of(aclient, link) == before
    assert await shared(aclient, url) == link
    html = await html_of(aclient, link)
    assert "<p>Half and half</p>" in html and "Well." in html and ">Stopped<" not in html


async def test_while_it_is_continued_it_stays_and_so_it_does_when_it_is_shared_again(
    aclient, url, half, double
):
    link, reply = half
    before = await html_of(aclient, link)
    more = " and a good deal of what comes behind it"
    double.script(Text(more), Stall())
    running = await resume(aclient, reply)
    await stored(reply, f"Half{more}")
    assert await html_of(aclient, link) == before
    assert await shared(aclient, url) == link
    assert await html_of(aclient, link) == before
    await aclient.post(running["stop"])


async def test_it_keeps_its_title(aclient, url, link):
    await aclient.post(url + "rename", {"title": "Not for others"})
    assert '<h1 dir="auto">Hello</h1>' in await html_of(aclient, link)
    await shared(aclient, url)
    assert "Not for others" in await html_of(aclient, link)


async def test_a_link_from_before_this_was_kept_shows_the_reply_as_it_is(aclient, link):
    await Conversation.objects.aupdate(shared_as=None)
    assert "<p>Hi <em>there</em> 👋</p>" in await html_of(aclient, link)


async def test_the_page_says_what_is_left_out(aclient, url):
    words = "A reply that is still being written is left out."
    assert words in await html_of(aclient, url)
    await shared(aclient, url)
    assert words in await html_of(aclient, url)


async def test_there_is_nothing_to_share_before_the_first_reply(aclient, running):
    response = await aclient.post(running["conversation"]["url"] + "share", headers=JSON)
    assert response.status_code == 409 and "wait for the first reply" in response.json()["error"]


async def test_taken_back_it_is_gone_at_once(aclient, url, link):
    response = await aclient.post(url + "unshare", headers=JSON)
    assert response.json() == {"url": None}
    assert (await aclient.get(link)).status_code == 404
    assert await shared(aclient, url) != link


async def test_deleted_it_is_gone(aclient, link, conversation):
    await Conversation.objects.aupdate(deleted_at=conversation.created_at)
    assert (await aclient.get(link)).status_code == 404


async def test_it_closes_with_the_account_of_its_person(other_client, link, user):
    active = type(user).objects.filter(pk=user.pk)
    await active.aupdate(is_active=False)
    assert (await other_client.get(link)).status_code == 404
    await active.aupdate(is_active=True)
    assert (await other_client.get(link)).status_code == 200


async def test_members_log_in_first(stranger, link):
    response = await stranger.get(link)
    assert response.status_code == 302 and response["Location"].endswith(f"?next={link}")


async def test_it_can_be_open_to_anyone(stranger, link, settings):
    settings.CHAT_SHARING = "anyone"
    assert "Hello" in await html_of(stranger, link)


async def test_it_limits_how_much_one_place_reads(stranger, aclient, link, settings):
    settings.CHAT_SHARING = "anyone"
    assert (await stranger.get(link)).status_code == 200
    await Rate.objects.aupdate(times=SHARED[0])
    response = await stranger.get(link)
    assert response.status_code == 429 and 0 < int(response["Retry-After"]) <= 60
    assert b"300 pages a minute" in response.content
    assert (await aclient.get(link)).status_code == 200


async def test_it_can_be_switched_off(aclient, url, link, settings):
    settings.CHAT_SHARING = "off"
    assert (await aclient.get(link)).status_code == 404
    assert (await aclient.post(url + "share")).status_code == 404
    assert (await aclient.post(url + "unshare")).status_code == 303
    assert "/share" not in await html_of(aclient, url)


async def test_without_script_it_comes_back_with_the_link(aclient, url):
    response = await aclient.post(url + "share")
    assert (response.status_code, response["Location"]) == (303, url + "#share")
    token = (await Conversation.objects.aget()).share_token
    assert f'value="http://testserver/chat/shared/{token}/"' in await html_of(aclient, url)


async def test_the_page_gets_the_menu_again(aclient, url):
    html = (await aclient.post(url + "share?as=html", headers=JSON)).json()["html"]
    assert 'id="share-link"' in html and "is logged in here can read" in html


async def test_earlier_messages_are_a_click_away(aclient, user):
    conversation = await sync_to_async(talk)(user, SHOWN + 10)
    link = await shared(aclient, conversation.get_absolute_url())
    assert 'href="?before=10"' in await html_of(aclient, link)
    assert (await html_of(aclient, link + "?before=10")).count("<article") == 10


@pytest.mark.parametrize("before", ["x", "0", "2", "-1", "9" * 5_000, uuid4()])
async def test_there_is_nothing_before_a_place_that_is_not_there(aclient, link, before):
    assert (await aclient.get(f"{link}?before={before}")).status_code == 404


async def test_a_copy_costs_the_same_however_long(aclient, user, link):
    long = await sync_to_async(talk)(user, 60)
    longer = await shared(aclient, long.get_absolute_url())
    counts = [len(await queries_of(aclient, each)) for each in (link, longer)]
    assert counts[0] == counts[1] <= 6


@pytest.mark.parametrize("verb", ["share", "unshare"])
async def test_it_needs_login(stranger, url, verb):
    assert (await stranger.post(url + verb, headers=JSON)).status_code == 401


@pytest.mark.parametrize("verb", ["share", "unshare"])
async def test_it_is_not_there_for_others(other_client, url, verb):
    assert (await other_client.post(url + verb, headers=JSON)).status_code == 404


async def test_another_link_leads_nowhere(aclient, link):
    assert (await aclient.get(f"/chat/shared/{uuid4()}/")).status_code == 404


@pytest.mark.parametrize("verb", ["share", "unshare"])
async def test_it_rejects_get(aclient, url, verb):
    assert (await aclient.get(url + verb)).status_code == 405


async def test_the_copy_takes_nothing(aclient, link):
    assert (await aclient.post(link)).status_code == 405
    assert await Message.objects.acount() == 2
