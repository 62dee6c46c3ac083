import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from chat.models import Conversation
from chat.views.listing import LISTED

URL = "/chat/conversations"
JSON = {"accept": "application/json"}


@pytest.fixture
def add(user):
    """Stores a conversation of Ana's that was last used so many days ago."""

    def store(title, days=0, **fields):
        then = timezone.now() - timedelta(days=days)
        return Conversation.objects.create(user=user, title=title, updated_at=then, **fields)

    return sync_to_async(store)


async def listed(client, **data):
    """The headings and titles of a part of the list, and the address of the next part."""
    response = await client.get(URL, {"as": "html"} | data)
    html = response.json()["html"]
    older = re.search(r'class="row older" href="([^"]+)"', html)
    texts = re.findall(r'<h2>([^<]+)</h2>|<span dir="auto">([^<]+)</span>', html)
    return ["".join(each) for each in texts], older and older[1]


async def test_it_is_grouped_by_day(aclient, add):
    for days in (0, 1, 5, 20):
        await add(f"{days} days ago", days)
    await add("Kept", 400, pinned_at=timezone.now())
    assert (await listed(aclient))[0] == [
        *("Pinned", "Kept", "Today", "0 days ago", "Yesterday", "1 days ago"),
        *("Previous 7 days", "5 days ago", "Previous 30 days", "20 days ago"),
    ]


async def test_what_is_older_stands_under_its_month(aclient, user):
    await Conversation.objects.acreate(
        user=user, title="Old", updated_at=datetime(2020, 5, 6, tzinfo=UTC)
    )
    assert (await listed(aclient))[0] == ["May 2020", "Old"]


MIDNIGHT = datetime(2020, 5, 31, 23, 30, tzinfo=UTC)


async def test_days_are_those_of_the_browser(aclient, user):
    await Conversation.objects.acreate(user=user, title="Late", updated_at=MIDNIGHT)
    assert (await listed(aclient))[0] == ["May 2020", "Late"]
    aclient.cookies["timezone"] = "Asia/Tokyo"
    assert (await listed(aclient))[0] == ["June 2020", "Late"]
    del aclient.cookies["timezone"]
    assert (await listed(aclient))[0] == ["May 2020", "Late"]


@pytest.mark.parametrize("zone", ["No/Where", "../../etc/passwd", "/etc", "Europe", "x" * 3_000])
async def test_a_zone_that_nobody_knows_is_the_sites(aclient, user, zone):
    await Conversation.objects.acreate(user=user, title="Late", updated_at=MIDNIGHT)
    aclient.cookies["timezone"] = zone
    assert (await listed(aclient))[0] == ["May 2020", "Late"]


async def test_archived_and_deleted_ones_are_not_in_it(aclient, add):
    await add("Put away", archived_at=timezone.now())
    await add("Gone", deleted_at=timezone.now())
    assert (await listed(aclient))[0] == []


async def test_older_ones_follow_and_none_is_left_out_or_named_twice(aclient, user):
    then = timezone.now() - timedelta(days=60)  # all at the same moment
    titles = [f"Title {number}" for number in range(2 * LISTED + 5)]
    await Conversation.objects.abulk_create(
        [Conversation(user=user, title=each, updated_at=then) for each in titles]
    )
    found, after = [], ""
    while after is not None:
        part, older = await listed(aclient, after=after)
        found += part[1:]  # without the heading
        after = older and parse_qs(urlsplit(older).query)["after"][0]
    assert sorted(found) == sorted(titles)


async def test_a_list_that_was_longer_stays_so(aclient, add):
    for number in range(LISTED + 5):
        await add(f"Title {number}")
    titles, older = await listed(aclient, shown=LISTED + 3)
    assert len(titles) == 1 + LISTED + 3 and older


@pytest.mark.parametrize("shown", ["-1", "x", "9" * 30, "9" * 5_000, ""])
async def test_it_takes_any_number_for_what_is_shown(aclient, add, shown):
    await add("One")
    assert "One" in (await listed(aclient, shown=shown))[0]


async def test_the_open_conversation_is_marked(aclient, add):
    conversation = await add("One")
    response = await aclient.get(URL, {"as": "html", "conversation": str(conversation.pk)})
    assert 'aria-current="page"' in response.json()["html"]


SOMEONE = uuid4()
NO_PLACES = ["x", "_", "2020-01-01_x", "2020-01-01", "\0", f"2020-01-01T00:00:00_{SOMEONE}"]
NO_PLACES += [f"0001-01-01T00:00:00+23:59_{SOMEONE}", f"9999-12-31T23:59:59-23:59_{SOMEONE}"]


@pytest.mark.parametrize("after", NO_PLACES, ids=lambda after: repr(after)[:20])
@pytest.mark.parametrize("url", [URL, "/chat/archived/"])
async def test_there_is_nothing_behind_a_place_like(aclient, url, after):
    assert (await aclient.get(url, {"after": after})).status_code == 404


async def test_those_of_others_are_not_in_it(other_client, add):
    await add("Ana's own", archived_at=timezone.now())
    await add("Ana's own")
    for url in (URL, "/chat/archived/"):
        assert "Ana" not in (await other_client.get(url)).content.decode()


async def test_archived_ones_have_a_page(aclient, add):
    conversation = await add("Put away", archived_at=timezone.now())
    html = (await aclient.get("/chat/archived/")).content.decode()
    assert "Put away" in html and f'action="/chat/{conversation.pk}/unarchive"' in html


async def test_when_nothing_is_archived_the_page_says_how_to(aclient):
    assert "Nothing archived yet." in (await aclient.get("/chat/archived/")).content.decode()


@pytest.mark.parametrize("url", [URL, "/chat/archived/"])
async def test_it_needs_login(stranger, url):
    assert (await stranger.get(url)).status_code == 302
    assert (await stranger.get(url, headers=JSON)).status_code == 401


@pytest.mark.parametrize("url", [URL, "/chat/archived/"])
async def test_it_rejects_other_verbs(aclient, url):
    assert (await aclient.post(url)).status_code == 405
