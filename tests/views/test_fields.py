"""Every POST in each form in which it may come: done, or refused in words; never more than that."""

import json
import re
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.test.client import encode_multipart

from chat.models import Conversation, Message, Preset

from .test_access import stored
from .test_hostile import ROUTES

BOUNDARY = "x"
FORM, MULTIPART, JSON = (
    "application/x-www-form-urlencoded",
    f"multipart/form-data; boundary={BOUNDARY}",
    "application/json",
)
NOT_UTF8 = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xff\xfe\r\n--x--\r\n'
PATHS = {
    "/chat/": {"message": "Hello", "instruction": "Be brief."},
    "/chat/preferences": {"theme": "dark", "language": "de"},
    "/chat/presets/": {"name": "Pirate", "instruction": "Arr."},
    "/chat/presets/{preset}/": {"name": "Poet", "instruction": "Rhyme."},
    "/chat/presets/{preset}/delete": {},
    "/chat/{chat}/": {"message": "And now?"},
    "/chat/{chat}/rename": {"title": "Greetings"},
    "/chat/{chat}/pin": {},
    "/chat/{chat}/unpin": {},
    "/chat/{chat}/archive": {},
    "/chat/{chat}/unarchive": {},
    "/chat/{chat}/delete": {},
    "/chat/{chat}/restore": {},
    "/chat/{chat}/instruction": {"instruction": "Be brief."},
    "/chat/{chat}/share": {},
    "/chat/{chat}/unshare": {},
    "/chat/messages/{reply}/show": {},
    "/chat/replies/{reply}/stop": {},
    "/chat/replies/{reply}/retry": {"model": "double-2"},
    "/chat/replies/{reply}/continue": {},
    "/chat/replies/{reply}/feedback": {"rating": -1, "comment": "Hm"},
}
STREAM = "/chat/stream"  # takes JSON only, so that no foreign page can send it
LARGE = b'{"title": "' + b"x" * 1_100_000 + b'"}'
REFUSED = [  # by every path: a body, its type, and the status
    (b"{", JSON, 400),
    (b"null", JSON, 400),
    (b'["Hello"]', JSON, 400),
    (b'"Hello"', JSON, 400),
    (b'{"message": ["Hello"]}', JSON, 400),
    (b'{"message": {"text": "Hello"}}', JSON, 400),
    (b'{"message": "Hello"', f"{JSON}; charset=utf-8", 400),
    (b"<message>Hello</message>", "application/xml", 415),
    (b"Hello", "text/plain", 415),
    (b"Hello", "", 415),
    (b"title=%ff%fe", FORM, 400),
    (NOT_UTF8, MULTIPART, 400),
    (b'{"title": "\xff\xfe"}', JSON, 400),
    (LARGE, JSON, 413),
]


@pytest.fixture
async def post(aclient, user, conversation):
    """Sends a body to one of the paths; the person is asked for no token."""
    preset = await Preset.objects.acreate(user=user, name="Sage", instruction="Know.")
    ids = {"chat": conversation.pk, "reply": conversation.head_id, "preset": preset.pk}

    async def post(path, body, kind, accept="application/json"):
        headers = {"accept": accept}
        return await aclient.generic("POST", path.format(**ids), body, kind, headers=headers)

    return post


def encoded(fields, kind):
    if kind == JSON:
        return json.dumps(fields).encode()
    if kind == MULTIPART:
        return encode_multipart(BOUNDARY, fields)
    return "&".join(f"{name}={value}" for name, value in fields.items()).encode()


async def test_every_post_has_its_row(stranger):
    rows = {re.sub(r"{\w+}", "<>", path) for path in [*PATHS, STREAM]}
    taken = set()
    for route in [each for each in ROUTES if each.startswith("/chat/")]:
        url = re.sub(r"<int:\w+>", "1", re.sub(r"<uuid:\w+>", str(uuid4()), route))
        if (await stranger.post(url)).status_code != 405:
            taken.add(re.sub(r"<.*?>", "<>", route))
    assert taken == rows


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", [FORM, MULTIPART, JSON])
async def test_it_takes(post, path, kind):
    response = await post(path, encoded(PATHS[path], kind), kind)
    is_continued = path.endswith("continue")  # it is complete
    assert response.status_code in ((409,) if is_continued else (200, 201, 303)), response.content


@pytest.mark.parametrize("path", [*PATHS, STREAM])
async def test_it_refuses_and_stores_nothing(post, path):
    before = await sync_to_async(stored)()
    for body, kind, status in REFUSED:
        response = await post(path, body, kind)
        is_form = path == STREAM and JSON not in kind
        assert response.status_code == (415 if is_form else status), (body[:40], kind)
        assert response.json()["error"]
    assert await sync_to_async(stored)() == before


@pytest.mark.parametrize(("kind", "status"), [("text/plain", 415), (FORM, 400)])
async def test_people_get_a_page(post, kind, status):
    response = await post("/chat/", b"message=%ff%fe", kind, "text/html")
    assert response.status_code == status and b"<h1>" in response.content


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"17",
        b"{",
        b'{"title": "a"} x',
        b'{"title": NaN}',
        b'{"title": 1e999}',
        b'{"title": ' + b"9" * 5_000 + b"}",
        b'{"title": {"a": 1}}',
        b'{"title": "a", "title": "b"}',
        b'{"title": "\\ud83d"}',
        b'{"title": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"title": "a"}',
        '{"title": "a"}'.encode("utf-16"),
        b'{"title": ' + b"[" * 120_000,
        b'{"title": ' + b"[" * 120_000 + b"]" * 120_000 + b"}",
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_it_refuses_json_like(post, body):
    response = await post("/chat/{chat}/rename", body, JSON)
    assert response.status_code == 400 and "JSON object" in response.json()["error"]
    assert (await Conversation.objects.aget()).title == "Hello"


@pytest.mark.parametrize("kind", [FORM, MULTIPART, JSON])
async def test_a_rating_is_what_it_says(post, kind):
    path = "/chat/replies/{reply}/feedback"
    await post(path, encoded({"rating": 1}, kind), kind)
    response = await post(path, encoded({"rating": -1}, kind), kind)
    assert response.json() == {"rating": -1, "comment": ""}
    assert (await Message.objects.replies().aget()).rating == -1


async def test_null_takes_a_rating_back(post):
    path = "/chat/replies/{reply}/feedback"
    await post(path, b'{"rating": 1, "comment": "Fine"}', JSON)
    assert (await post(path, b'{"rating": null}', JSON)).json() == {"rating": None, "comment": ""}


async def test_the_model_of_a_retry_may_come_as_json(post, double):
    await post("/chat/replies/{reply}/retry", b'{"model": "double-2"}', JSON)
    newest = await Message.objects.replies().alatest("created_at")
    assert newest.model == "double-2"


async def test_a_text_of_json_is_kept_as_it_is(post):
    await post("/chat/", b'{"message": "a\\r\\n\\tb"}', JSON)
    assert (await Message.objects.filter(role="user").alatest("created_at")).text == "a\r\n\tb"


async def test_a_body_may_be_missing(post):
    assert (await post("/chat/{chat}/pin", b"", "")).status_code == 200


@pytest.mark.parametrize("kind", [FORM, MULTIPART, JSON])
async def test_each_form_needs_the_token(user, conversation, engine, kind):
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(user)
    body, url = encoded({"title": "Greetings"}, kind), f"/chat/{conversation.pk}/rename"
    assert (await client.generic("POST", url, body, kind)).status_code == 403
    token = "x" * 32
    client.cookies["csrftoken"] = token
    headers = {"x-csrftoken": token, "accept": JSON}
    response = await client.generic("POST", url, body, kind, headers=headers)
    assert response.json()["conversation"]["title"] == "Greetings"


async def test_a_multipart_form_that_is_not_utf8_is_refused_behind_the_token(user, engine):
    """The look for the token reads the form before the view does."""
    client = AsyncClient(enforce_csrf_checks=True)
    await client.aforce_login(user)
    client.cookies["csrftoken"] = "x" * 32
    headers = {"x-csrftoken": "x" * 32}
    response = await client.generic("POST", "/chat/", NOT_UTF8, MULTIPART, headers=headers)
    assert response.status_code == 400 and not await Message.objects.aexists()


async def test_a_reply_that_is_not_theirs_is_not_there_in_any_form(other_client):
    url = f"/chat/replies/{uuid4()}/feedback"
    response = await other_client.generic("POST", url, b'{"rating": 1}', JSON)
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/chat/presets/", "/chat/presets/{preset}/"])
async def test_programs_are_told_what_is_wrong_with_a_preset(post, path):
    response = await post(path, b'{"name": "Pirate"}', JSON)
    assert response.status_code == 400 and response.json()["error"] == "This field is required."
