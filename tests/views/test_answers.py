"""What a view returns or raises, as a response to people and to programs."""

import json

import pytest
from django.http import HttpResponse
from django.test import AsyncRequestFactory

from chat.refusals import Refused
from chat.views.answers import Answer, answered, answered_in_json, refusals_on

HTML, JSON = "text/html", "application/json"


async def answer(view, accept, decorate=answered):
    return await decorate(view)(AsyncRequestFactory().post("/", headers={"accept": accept}))


async def done(request):
    return Answer("/there", {"is_done": True}, 201)


async def refused_on_a_page(request):
    with refusals_on(lambda refused: HttpResponse(refused.text, status=refused.status)):
        raise Refused("Not now.", 409, 5)


def never():
    raise AssertionError("nobody wants it")


async def test_people_go_to_the_page():
    response = await answer(done, HTML)
    assert (response.status_code, response["Location"]) == (303, "/there")


async def test_programs_get_the_fields():
    response = await answer(done, JSON)
    assert (response.status_code, json.loads(response.content)) == (201, {"is_done": True})


async def test_only_what_is_wanted_is_made():
    async def page(request):
        return Answer(lambda: HttpResponse("A page"), never)

    async def fields(request):
        return Answer(never, dict)

    assert (await answer(page, HTML)).content == b"A page"
    assert (await answer(fields, JSON)).content == b"{}"


async def test_a_response_stays_as_it_is():
    async def view(request):
        return HttpResponse("A page", status=202)

    assert (await answer(view, JSON)).status_code == 202


@pytest.mark.parametrize(
    ("accept", "decorate", "content"),
    [
        (HTML, answered, b"Not now."),
        (JSON, answered, b'{"error": "Not now."}'),
        (HTML, answered_in_json, b'{"error": "Not now."}'),
    ],
)
async def test_a_refusal_says_why_and_for_how_long(accept, decorate, content):
    response = await answer(refused_on_a_page, accept, decorate)
    assert (response.status_code, response["Retry-After"]) == (409, "5")
    assert response.content == content
