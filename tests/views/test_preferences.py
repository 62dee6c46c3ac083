import pytest
from django.test import AsyncClient

from chat.models import Preferences

URL = "/chat/preferences"
JSON = {"accept": "application/json"}
CHOSEN = {"theme": "dark", "language": "de"}


@pytest.fixture
async def kept(aclient, user):
    """Ana has chosen, and has a password."""
    await aclient.post(URL, CHOSEN)
    user.set_password("staple battery")
    await user.asave()


async def log_in():
    client = AsyncClient()
    fields = {"username": "ana", "password": "staple battery"}
    return client, await client.post("/accounts/login/", fields)


async def test_it_keeps_what_was_chosen(aclient, user):
    response = await aclient.post(URL, CHOSEN | {"next": "/chat/presets/"})
    assert (response.status_code, response["Location"]) == (303, "/chat/presets/")
    kept = await Preferences.objects.aget(user=user)
    assert (kept.theme, kept.language) == ("dark", "de")


async def test_pages_follow_it(aclient):
    await aclient.post(URL, CHOSEN)
    response = await aclient.get("/chat/")
    html = response.content.decode()
    assert '<html lang="de" dir="ltr" class="parley" data-theme="dark">' in html
    assert '<meta name="color-scheme" content="dark">' in html
    assert response["Content-Language"] == "de"


async def test_error_pages_follow_it(aclient):
    await aclient.post(URL, {"theme": "light"})
    assert b'data-theme="light"' in (await aclient.get("/nowhere/")).content


@pytest.mark.parametrize("path", ["/accounts/login/", "/nowhere/", "/chat/"])
async def test_pages_tell_caches_that_they_follow_cookies(stranger, path):
    assert "Cookie" in (await stranger.get(path))["Vary"]


async def test_without_a_choice_it_is_as_the_browser_says(aclient):
    await aclient.post(URL, CHOSEN)
    await aclient.post(URL, {"theme": "", "language": ""})
    response = await aclient.get("/chat/", headers={"accept-language": "fr"})
    assert response["Content-Language"] == "fr" and b"data-theme" not in response.content


async def test_it_leads_to_no_other_site(aclient):
    response = await aclient.post(URL, CHOSEN | {"next": "https://example.com/"})
    assert response["Location"] == "/chat/"


@pytest.mark.parametrize("fields", [{"theme": "pink"}, {"language": "tlh"}], ids=str)
async def test_it_refuses(aclient, fields):
    assert (await aclient.post(URL, fields)).status_code == 400
    answer = await aclient.post(URL, fields, headers=JSON)
    assert answer.status_code == 400 and answer.json()["error"]
    assert not await Preferences.objects.aexists()


async def test_a_cookie_of_another_hand_changes_nothing(aclient):
    aclient.cookies["theme"] = '"><b>'
    assert b"data-theme" not in (await aclient.get("/chat/")).content


async def test_login_brings_it_and_logout_takes_it(kept):
    client, response = await log_in()
    assert response.cookies["theme"].value == "dark"
    assert response.cookies["django_language"].value == "de"
    response = await client.post("/accounts/logout/")
    assert response.cookies["theme"]["max-age"] == 0


async def test_the_administration_brings_and_takes_it_too(kept, user):
    user.is_staff = True
    await user.asave()
    client = AsyncClient()
    response = await client.get("/admin/", follow=True)
    path, _status = response.redirect_chain[-1]
    assert path == "/accounts/login/?next=%2Fadmin%2F" and b"Log in" in response.content
    fields = {"username": "ana", "password": "staple battery", "next": "/admin/"}
    response = await client.post(path, fields)
    assert response["Location"] == "/admin/"
    assert response.cookies["theme"].value == "dark"
    assert response.cookies["django_language"].value == "de"
    response = await client.post("/admin/logout/")
    assert response.cookies["theme"]["max-age"] == 0
    assert (await client.get("/admin/")).status_code == 302


async def test_who_may_not_see_the_administration_is_told_who_they_are(aclient):
    response = await aclient.get("/admin/", follow=True)
    assert "You are logged in as “ana”." in response.content.decode()


async def test_it_needs_login(stranger):
    assert (await stranger.post(URL, CHOSEN, headers=JSON)).status_code == 401


async def test_it_rejects_get(aclient):
    assert (await aclient.get(URL)).status_code == 405
