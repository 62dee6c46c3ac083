import pytest
from django.test import RequestFactory

from project import errors

JSON = {"accept": "application/json"}


async def test_a_page_that_is_not_there_shows_the_way_back(aclient):
    response = await aclient.get("/nothing")
    assert response.status_code == 404 and b'href="/chat/"' in response.content


async def test_programs_get_json(aclient):
    response = await aclient.get("/nothing", headers=JSON)
    assert response.status_code == 404 and response.json()["error"]


async def test_a_form_without_token_gets_a_page(aclient):
    aclient.handler.enforce_csrf_checks = True
    response = await aclient.post("/chat/", {"message": "Hello"})
    assert response.status_code == 403 and b"<main" in response.content


@pytest.mark.parametrize(
    ("handler", "status"),
    [
        (errors.bad_request, 400),
        (errors.permission_denied, 403),
        (errors.not_found, 404),
        (errors.server_error, 500),
    ],
)
@pytest.mark.parametrize("headers", [{}, JSON])
def test_each_error_has_a_page_and_json(handler, status, headers):
    request = RequestFactory().get("/", headers=headers)
    response = handler(request) if status == 500 else handler(request, None)
    assert response.status_code == status
    assert (b'{"error": "' if headers else b"<!doctype html>") in response.content


async def test_a_wrong_host_is_refused(stranger):
    response = await stranger.get("/chat/", headers={"host": "evil.example"})
    assert response.status_code == 400


async def test_pages_allow_nothing_from_elsewhere(aclient):
    policy = (await aclient.get("/chat/"))["Content-Security-Policy"]
    directives = {each.strip() for each in policy.split(";")}  # in any order
    assert {"default-src 'none'", "script-src 'self'"} <= directives


async def test_pages_have_nothing_inline(aclient, conversation):
    html = (await aclient.get(f"/chat/{conversation.pk}/")).content.decode()
    for inline in ("<style", " style=", "<script>", " onclick=", "javascript:"):
        assert inline not in html
