"""Who may do what: every URL of the site, and every kind of person."""

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.test import AsyncClient
from django.urls import URLPattern, get_resolver, reverse

from chat.models import Conversation, Message, Preset

SECRET = "what-only-ana-knows"
JSON = {"accept": "application/json"}
SAID = {"message": "Mine", "title": "Mine", "rating": "1"}

LOGIN = (  # what django-allauth asks between the password and the login
    *("account_login", "account_inactive", "mfa_authenticate"),
    *("account_email_verification_sent", "account_confirm_email"),
)

# Of each URL whose it is. What deletes comes last.
ANYBODYS = ("", "admin/logout/", "healthz", "csp-reports", "login", "logout", *LOGIN)
ACCOUNTS = (  # Django's and django-allauth's own views, of one's own account
    *("account", "log_out_elsewhere", "password_change", "password_change_done"),
    *("account_reauthenticate", "mfa_reauthenticate", "mfa_index", "mfa_activate_totp"),
    *("mfa_deactivate_totp", "mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
)
MEMBERS = (  # who is logged in, of one's own things
    *("chat:new", "chat:stream", "chat:running", "chat:list", "chat:archived", "chat:search"),
    *("chat:preferences", "chat:presets"),
)
SHARED = ("chat:shared",)
PRESETS = ("chat:preset", "chat:preset-delete")
REPLIES = (
    *("chat:show", "chat:reply", "chat:events", "chat:stop", "chat:retry", "chat:continue"),
    "chat:feedback",
)
CONVERSATIONS = (
    *("chat:conversation", "chat:rename", "chat:pin", "chat:unpin", "chat:archive"),
    *("chat:unarchive", "chat:instruction", "chat:export-markdown", "chat:export-json"),
    *("chat:share", "chat:unshare", "chat:delete", "chat:restore"),
)
OWNERS = PRESETS + REPLIES + CONVERSATIONS


def names(patterns, namespace=""):
    """Those of all URLs but the admin's, which has rules and tests of its own."""
    for each in patterns:
        if isinstance(each, URLPattern):
            yield f"{namespace}{each.name or each.pattern}"
        elif each.namespace != "admin":
            inside = f"{each.namespace}:" if each.namespace else namespace
            yield from names(each.url_patterns, inside)


def test_every_url_has_its_row():
    rows = ANYBODYS + ACCOUNTS + MEMBERS + SHARED + OWNERS
    assert sorted(names(get_resolver().url_patterns)) == sorted(rows)


@pytest.fixture
def urls(engine, conversation, user):
    """Where Ana's things are, and those of everybody."""
    Message.objects.filter(conversation=conversation).update(text=SECRET)
    Conversation.objects.update(title=SECRET, instruction=SECRET)
    conversation.refresh_from_db()
    conversation.share()
    preset = Preset.objects.create(user=user, name=SECRET, instruction=SECRET)
    things = {
        **dict.fromkeys(MEMBERS, ()),
        **dict.fromkeys(SHARED, (conversation.share_token,)),
        **dict.fromkeys(PRESETS, (preset.pk,)),
        **dict.fromkeys(REPLIES, (conversation.head_id,)),
        **dict.fromkeys(CONVERSATIONS, (conversation.pk,)),
    }
    return {name: reverse(name, args=args) for name, args in things.items()}


def stored():
    """All that is Ana's."""
    of = {Conversation: "user", Message: "conversation__user", Preset: "user"}
    return [
        list(model.objects.filter(**{f"{person}__username": "ana"}).order_by("pk").values())
        for model, person in of.items()
    ]


async def answers(client, urls):
    """What each URL answers to GET and to POST: its status, and whether the secret is in it."""
    found = {}
    for name, url in urls.items():
        for verb in (client.get, client.post):
            response = await verb(url, SAID if verb == client.post else None, headers=JSON)
            body = b""
            if response.streaming:
                async for part in response:
                    body += part
            else:
                body = response.content
            found[name, verb.__name__] = (response.status_code, SECRET.encode() in body)
    return found


def may(person, *actions):
    """Give `person` these permissions for all that the chat stores."""
    for model in (Conversation, Message, Preset):
        kind = ContentType.objects.get_for_model(model)
        for action in actions:
            codename = f"{action}_{model._meta.model_name}"
            names = {"codename": codename, "content_type": kind}  # there already, in a new database
            made, _ = Permission.objects.get_or_create(**names, defaults={"name": codename})
            person.user_permissions.add(made)


@pytest.fixture(params=["member", "staff", "staff who may read all", "superuser"])
async def another(request, engine):
    """The browser of somebody who is not Ana."""
    create = get_user_model().objects.create_user
    is_staff = request.param != "member"
    person = await sync_to_async(create)(
        "ben", is_staff=is_staff, is_superuser=request.param == "superuser"
    )
    if "read" in request.param:
        await sync_to_async(may)(person, "view", "change")
    client = AsyncClient()
    await sync_to_async(client.force_login)(person)
    return client


@pytest.fixture(params=["never logged in", "deactivated", "session ended", "password changed"])
async def outsider(request, aclient, user, stranger):
    """A browser in which nobody is logged in, or nobody any more."""
    if request.param == "deactivated":
        user.is_active = False
    elif request.param == "session ended":
        await aclient.session.aflush()
    elif request.param == "password changed":
        user.set_password("another")
    await user.asave()
    return stranger if request.param == "never logged in" else aclient


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_is_its_persons(client, db, name):
    for verb in (client.get, client.post):
        response = verb(reverse(name))
        where = response.get("Location", "")
        assert where.startswith("/accounts/login/") or response.status_code == 405, (name, where)


async def test_nobody_else_reads_or_changes_what_is_anas(urls, another):
    before = await sync_to_async(stored)()
    found = await answers(another, urls)
    for (name, verb), (status, tells) in found.items():
        where = f"{verb} {name}: {status}"
        assert status < 500, where
        if name in OWNERS:
            assert status in (404, 405) and not tells, where
        elif name in MEMBERS:
            assert status not in (401, 403, 404) and not tells, where
        else:  # who has the link to a shared copy
            assert (status, tells) in ((200, True), (405, False)), where
    assert await sync_to_async(stored)() == before


async def test_who_is_not_logged_in_gets_nothing(urls, outsider):
    before = await sync_to_async(stored)()
    for (name, verb), (status, tells) in (await answers(outsider, urls)).items():
        assert status in (401, 405) and not tells, f"{verb} {name}: {status}"
    assert await sync_to_async(stored)() == before


async def test_ana_reaches_all_of_it(urls, aclient):
    found = await answers(aclient, urls)
    wrong = {key: status for key, (status, _) in found.items() if status in (401, 403, 404)}
    assert wrong == {}
    for name in urls:
        assert {found[name, "get"][0], found[name, "post"][0]} != {405}, name
