"""To look changes nothing: so a link in a model's text may lead to the site itself."""

import re

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.urls import URLPattern, get_resolver

from chat.models import Preset, Rate, Writer


def routes(resolver, before=""):
    """Every path of the site, with the parameters that it takes."""
    for each in resolver.url_patterns:
        path = before + str(each.pattern)
        yield from [path] if isinstance(each, URLPattern) else routes(each, path)


ROUTES = sorted({route for route in routes(get_resolver()) if "^" not in route})


@pytest.fixture
def places(user, conversation):
    """What stands in the paths, all of it Ana's, who may do everything."""
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    conversation.share()
    conversation.refresh_from_db()
    preset = Preset.objects.create(user=user, name="a", instruction="b").pk
    return {
        "chat/presets/<int:pk>": f"chat/presets/{preset}",
        "chat/<uuid:pk>": f"chat/{conversation.pk}",
        "messages/<uuid:pk>": f"messages/{conversation.head_id}",
        "replies/<uuid:pk>": f"replies/{conversation.head_id}",
        "<uuid:token>": str(conversation.share_token),
        "conversation/<path:object_id>": f"conversation/{conversation.pk}",
        "user/<path:object_id>": f"user/{user.pk}",
        "user/<id>": f"user/{user.pk}",
    }


def stored():
    rows = {
        model._meta.db_table: list(model.objects.order_by("pk").values_list())
        for model in apps.get_models()
        if model not in (Session, Writer, Rate, ContentType)  # a process lives, and counts looks
    }
    return rows, list(Session.objects.values_list("pk", flat=True))


async def test_to_ask_for_any_page_changes_nothing(aclient, places):
    await aclient.get("/chat/")
    before, answers = await sync_to_async(stored)(), []
    for route in ROUTES:
        for place, name in places.items():
            route = route.replace(place, name)
        path = "/" + re.sub("<[^>]+>", "1", route)
        query = "?next=/&conversation=1&confirm=yes&post=yes&q=a"
        response = await aclient.get(path + query)
        response.close()  # a stream is not read
        answers.append(response.status_code)
    assert await sync_to_async(stored)() == before
    assert len(answers) > 50 and {200, 405} <= set(answers)
