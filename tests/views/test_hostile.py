"""What nobody types, in every parameter and header of every URL: answered, and never with a 5xx."""

import re
from itertools import product
from urllib.parse import quote_from_bytes
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import URLPattern, get_resolver

from chat.models import Preset

# Where a date without a zone is understood, Django warns.
pytestmark = pytest.mark.filterwarnings("ignore:DateTimeField:RuntimeWarning")

NOBODY = str(uuid4()).encode()
VALUES = [
    b"",
    b"-1",
    b"9" * 19,
    b"1" * 5_000,
    "²".encode(),
    b"nan",
    b"\x00",
    b"\xff\xfe",
    "\ud83d".encode("utf-8", "surrogatepass"),
    b"0001-01-01T00:00:00+23:59_" + NOBODY,
    b"9999-12-31T23:59:59-23:59_" + NOBODY,
    b"0000-13-32",
    b"{" + NOBODY + b"}",
    b"(" * 200,
    b"../../\r\nX: y",
    b"//[",
]
READ = {  # by the URLs that read them
    "/accounts/login/": ["next"],
    "/chat/": ["preset", "as"],
    "/chat/running": ["conversation"],
    "/chat/conversations": ["after", "shown", "conversation"],
    "/chat/archived/": ["after"],
    "/chat/search": ["q"],
    "/chat/presets/": ["from"],
    "/chat/shared/<uuid:token>/": ["before"],
    "/chat/<uuid:pk>/": ["before", "at", "edit", "stream"],
    "/chat/replies/<uuid:pk>/events": ["after", "as"],
}
HEADERS = {
    "Accept": ["\xff", "application/json;q=nan", "*" * 8_000],
    "Accept-Encoding": ["\xff", "gzip;q=x", "br;q=9e999"],
    "Accept-Language": ["\xff", "-".join("a" * 500), "de;q=nan,*;q=9e999"],
    "Content-Type": ["\xff", "text/plain; charset=hex", "multipart/form-data; boundary=\xff"],
    "Cookie": ["\xff", "sessionid=\xff; csrftoken=x", "timezone=../../etc/x; theme=\x01; =;;"],
    "If-Modified-Since": ["\xff", "Mon, 99 Xxx 0000 99:99:99 GMT", "9" * 5_000],
    "If-None-Match": ['W/"', "*", "\xff"],
    "Last-Event-ID": ["\xff", "²", "9" * 5_000],
    "Origin": ["http://[", "null", "\xff"],
    "Range": ["bytes=5-1,x", "bytes=" + "9" * 5_000 + "-", "\xff"],
    "Referer": ["http://[", "\xff", "http://127.0.0.1:99999999"],
    "X-CSRFToken": ["\xff", "x", "9" * 5_000],
    "X-Forwarded-Proto": ["\xff", "", "https,http"],
}
WITH_HEADERS = ["/chat/", "/chat/replies/<uuid:pk>/events", "/accounts/login/"]
IN_ADMIN = [
    ("/admin/chat/conversation/", "q=%00&o=9999999999999999999.x&p=9999999999999999999&all="),
    ("/admin/chat/conversation/", "title__regex=(((("),
    ("/admin/chat/conversation/", "created_at__year=0"),
    ("/admin/chat/conversation/", "created_at__year=99999999999"),
    ("/admin/chat/conversation/", "updated_at__gte=0001-01-01T00:00:00%2B23:59"),
    ("/admin/auth/user/", "id__in=9999999999999999999"),
    ("/admin/auth/user/", "groups__id__exact=9999999999999999999"),
    ("/admin/auth/user/<path:object_id>/change/", "_to_field="),
    ("/admin/auth/user/<path:object_id>/change/", "_changelist_filters=%FF%00"),
    ("/admin/autocomplete/", "app_label=chat&model_name=x&field_name=y&term=%00"),
]
WITH_BODIES = [
    "/accounts/login/",
    "/admin/auth/user/add/",
    "/chat/",
    "/chat/stream",
    "/chat/<uuid:pk>/rename",
    "/chat/replies/<uuid:pk>/feedback",
]
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data"
PART = b'--x\r\nContent-Disposition: form-data; name="message"'
BODIES = [
    (FORM, b"message=%ff%00&title=%00"),
    (FORM, b"a=b&" * 2_000),
    (FORM, b"preset=999999999999999999999999&message=a&rating=x"),
    (f"{FORM}; charset=hex", b"message=a&title=a"),
    (PARTS, b"x"),
    (f"{PARTS}; boundary=x; charset=hex", PART + b"\r\n\r\na\r\n--x--\r\n"),
    (f"{PARTS}; boundary=x", b""),
    (f"{PARTS}; boundary=x", b"--x\r\n"),
    (f"{PARTS}; boundary=x", PART + b"\r\n\r\na\x00\r\n--x--\r\n"),
    (f"{PARTS}; boundary=x", PART + b'; filename="x"\r\n\r\na\r\n--x--\r\n'),
    (f"{PARTS}; boundary=x", PART + b"; name*=hex''%FF\r\n\r\na\r\n--x--\r\n"),
    (JSON, b"[" * 100_000),
    (JSON, b'{"message": "\\ud800", "title": "\\u0000"}'),
    (JSON, b'{"preset": 1e300, "message": "a"}'),
    (JSON, b"9" * 5_000),
]


def routes(patterns=None, above=""):
    """Every URL of the site, as it is written in the code."""
    for each in patterns or get_resolver().url_patterns:
        route = above + str(each.pattern)
        if isinstance(each, URLPattern):
            yield "/" + route
        else:
            yield from routes(each.url_patterns, route)


ROUTES = sorted(set(routes()))


@pytest.fixture
async def ask(engine, user, conversation):
    """Sends something to a URL, as somebody of the staff whose own it is; fails for each 5xx."""
    user.is_staff = user.is_superuser = True
    await user.asave()
    await sync_to_async(conversation.share)()
    preset = await Preset.objects.acreate(user=user, name="Sage", instruction="Know.")
    parts = {"token": conversation.share_token, "object_id": conversation.pk, "pk": conversation.pk}
    reply = parts | {"pk": conversation.head_id}
    others = {"replies": reply, "messages": reply, "presets": {"pk": preset.pk}}
    client = AsyncClient(raise_request_exception=False)
    await sync_to_async(client.force_login)(user)
    failed = []

    def path(route):
        known = next((others[name] for name in others if f"/{name}/" in route), parts)
        known = {"object_id": user.pk} if "/auth/" in route else known
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda part: str(known.get(part[1], "1")), route)

    async def ask(method, route, query="", body=b"", kind="text/plain", headers=None):
        url = f"{path(route)}?{query}"
        response = await client.generic(method, url, body, kind, headers=headers or {})
        if response.status_code >= 500:
            failed.append((response.status_code, method, url[:100], body[:60], kind, headers))

    yield ask
    assert not failed, "\n".join(str(each) for each in failed)


async def test_in_parameters(ask):
    for route, names in READ.items():
        for name, value in product(names, VALUES):
            await ask("GET", route, f"{name}={quote_from_bytes(value)}")


async def test_in_all_parameters_of_every_url(ask):
    names = {name for names in READ.values() for name in names}
    query = "&".join(f"{name}=%ED%A0%BD%00" for name in sorted(names))
    for route in ROUTES:
        await ask("GET", route, query)
        await ask("GET", route, "a=b&" * 2_000)


async def test_in_links_to_the_admin(ask):
    for route, query in IN_ADMIN:
        await ask("GET", route, query)


async def test_in_headers(ask):
    for route, (name, values) in product(WITH_HEADERS, HEADERS.items()):
        for value in values:
            await ask("GET", route, headers={name: value})


async def test_in_bodies(ask):
    for route, (kind, body) in product(WITH_BODIES, BODIES):
        await ask("POST", route, body=body, kind=kind)
    for route in ROUTES:
        if not re.search("logout|delete", route):
            await ask("POST", route, body=BODIES[7][1], kind=BODIES[7][0])
