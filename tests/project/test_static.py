"""Static files as a process serves them that began before some of them were there."""

import pytest
from django.test import AsyncClient

from project import static
from project.static import StaticFilesMiddleware, StaticFilesStorage

SCRIPT = b"export const answer = 42;\n"


@pytest.fixture
def root(tmp_path, settings):
    settings.STATIC_ROOT = tmp_path / "static"
    (settings.STATIC_ROOT / "chat").mkdir(parents=True)
    (tmp_path / "secret").write_text("of the site")
    return settings.STATIC_ROOT


@pytest.fixture
def client(root):
    """Its middleware has looked through the directory when this returns."""
    client = AsyncClient()
    client.handler.load_middleware(is_async=True)
    return client


async def test_a_file_that_comes_with_a_deploy_is_found(client, root):
    (root / "chat" / "page.0123456789ab.js").write_bytes(SCRIPT)
    for _ in range(2):
        response = await client.get("/static/chat/page.0123456789ab.js")
        assert (response.status_code, response.content) == (200, SCRIPT)
    assert response["Content-Type"].startswith("text/javascript")


async def test_it_is_for_pages_of_this_site_and_may_be_kept(client, root):
    (root / "page.js").write_bytes(SCRIPT)
    response = await client.get("/static/page.js", headers={"origin": "https://example.com"})
    assert "Access-Control-Allow-Origin" not in response
    assert "max-age" in response["Cache-Control"] and "no-store" not in response["Cache-Control"]


async def test_a_file_that_is_not_there_is_looked_for_again_after_a_while(
    client, root, monkeypatch
):
    assert (await client.get("/static/late.js")).status_code == 404
    (root / "late.js").write_bytes(SCRIPT)
    assert (await client.get("/static/late.js")).status_code == 404
    monkeypatch.setattr(static, "MISSED_FOR", 0.0)
    assert (await client.get("/static/late.js")).status_code == 200


ELSEWHERE = ["../secret", "%2e%2e/secret", "chat/../../secret", "..%5csecret", "/secret"]
NO_FILES = ["", ".", "chat", "chat/", "%00", "%ff%fe", "x" * 5_000]


@pytest.mark.parametrize("path", ELSEWHERE + NO_FILES, ids=lambda path: path[:20])
async def test_it_gives_out_nothing_else(client, path):
    response = await client.get(f"/static/{path}")
    assert response.status_code == 404 and b"of the site" not in response.content


async def test_it_remembers_only_so_many_names(root, monkeypatch):
    async def elsewhere(request):
        return None

    monkeypatch.setattr(static, "MISSED_AT_MOST", 10)
    middleware = StaticFilesMiddleware(elsewhere)
    for number in range(25):
        assert middleware._late(f"/static/{number}.js") is None
    assert len(middleware._missed) <= 10


def test_what_is_as_it_was_is_not_made_anew(tmp_path):
    def collect():
        storage = StaticFilesStorage(tmp_path)
        return [made for _, made, _ in storage.post_process({"page.js": (storage, "page.js")})]

    (tmp_path / "page.js").write_bytes(SCRIPT)
    first = collect()
    assert first and not collect()
    (tmp_path / "page.js").write_bytes(2 * SCRIPT)
    assert set(collect()) - {*first}


def test_a_deploy_keeps_the_files_of_the_process_before(tmp_path):
    from .test_deploy import manage

    old = tmp_path / "static" / "chat" / "old.0123456789ab.js"
    old.parent.mkdir(parents=True)
    old.write_bytes(SCRIPT)
    assert manage(tmp_path, "collectstatic", "--noinput").returncode == 0
    assert old.read_bytes() == SCRIPT and list((old.parent / "js").iterdir())
