"""What browsers are told beside each page."""

import gzip

import pytest

NOT_KEPT = ["/chat/", "/chat/archived/", "/chat/search?q=there", "/chat/presets/", "/nowhere/"]
NOT_KEPT += [
    "/chat/running",
    "/chat/conversations?as=html",
    "/accounts/",
    "/accounts/password_change/",
]


@pytest.mark.parametrize("path", NOT_KEPT)
async def test_nothing_with_text_in_it_is_kept(aclient, path):
    assert "no-store" in (await aclient.get(path))["Cache-Control"]


async def test_nothing_of_a_conversation_is_kept(aclient, conversation):
    chat, reply = conversation.get_absolute_url(), f"/chat/replies/{conversation.head_id}/"
    for path in (chat, reply, f"{chat}export.json", f"{chat}export.md"):
        assert "no-store" in (await aclient.get(path))["Cache-Control"], path


async def test_no_page_may_use_the_camera(aclient):
    policy = (await aclient.get("/chat/"))["Permissions-Policy"]
    assert "camera=()" in policy and "clipboard" not in policy


async def test_violations_are_reported(aclient):
    assert "report-uri /csp-reports" in (await aclient.get("/chat/"))["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/chat/", "/chat/conversations?as=html", "{chat}?as=html"])
@pytest.mark.parametrize("text", ["A few words.", "Many words. " * 5_000])
async def test_pages_are_compressed(aclient, conversation, path, text):
    await conversation.messages.filter(role="user").aupdate(text=text)
    path = path.format(chat=conversation.get_absolute_url())
    headers = {"accept": "application/json, text/html"}
    whole = await aclient.get(path, headers=headers)
    small = await aclient.get(path, headers=headers | {"accept-encoding": "br, gzip"})
    assert small["Content-Encoding"] == "gzip" and "Content-Encoding" not in whole
    assert "Accept-Encoding" in whole["Vary"]
    assert int(small["Content-Length"]) == len(small.content) < len(whole.content)
    assert len(gzip.decompress(small.content)) == len(whole.content)


async def test_streams_are_not_compressed(aclient, conversation):
    path = f"/chat/replies/{conversation.head_id}/events"
    events = await aclient.get(path, headers={"accept-encoding": "gzip"})
    assert events["Content-Encoding"] == "identity"
