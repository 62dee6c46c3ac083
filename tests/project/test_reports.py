"""What browsers report, and what of it stands in the log."""

import json
import logging

import pytest

from project import logs
from project.logs import Line

REPORT = {
    "document-uri": "https://chat.example.com/chat/search?q=private",
    "effective-directive": "img-src",
    "blocked-uri": "https://x.test/a.png#b",
    "source-file": "https://chat.example.com/static/a.js",
    "line-number": 7,
}
KIND = "application/csp-report"


@pytest.fixture
def said(caplog, monkeypatch):
    """The lines of the log, however many."""
    monkeypatch.setattr(logs, "LINES_A_MINUTE", 1_000)
    return caplog


async def post(client, body):
    return (await client.post("/csp-reports", body, content_type=KIND)).status_code


async def test_a_report_is_a_line_in_the_log(stranger, said):
    assert await post(stranger, json.dumps({"csp-report": REPORT})) == 204
    assert said.messages == [
        "img-src kept https://x.test/a.png from https://chat.example.com/chat/search "
        "(https://chat.example.com/static/a.js, line 7)"
    ]


async def test_a_report_that_lies_is_still_one_short_line(stranger, said):
    odd = dict.fromkeys(REPORT, "\r\n\x1b[2J\u202e" + "x" * 1000) | {"line-number": [{}]}
    assert await post(stranger, json.dumps({"csp-report": odd})) == 204
    (line,) = said.messages
    assert line.isprintable() and len(line) < 600


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b"7", b'{"csp-report": 7}', b"[" * 8_000], ids=range(7)
)
async def test_what_is_no_report_is_refused(stranger, said, body):
    assert (await post(stranger, body), said.messages) == (400, ["Bad Request: /csp-reports"])


async def test_a_report_that_is_too_long_is_refused(stranger, said):
    report = json.dumps({"csp-report": REPORT | {"script-sample": "x" * 9_000}})
    assert await post(stranger, report) == 413
    assert "kept" not in said.text


async def test_a_report_is_posted(stranger):
    assert (await stranger.get("/csp-reports")).status_code == 405


TOKEN = "0b0c7a9e-1c1a-4c39-9d55-1f0f5a6a7b8c"


@pytest.mark.parametrize(
    ("logged", "written"),
    [
        (f"Not Found: /chat/shared/{TOKEN}/", "Not Found: /chat/shared/…/"),
        (f"GET /accounts/reset/MQ/{TOKEN}/ failed", "GET /accounts/reset/MQ/…/ failed"),
        ("GET /accounts/confirm/MQ:1vM:x-Y_/ failed", "GET /accounts/confirm/…/ failed"),
        (f"Not Found: /chat/{TOKEN}/", f"Not Found: /chat/{TOKEN}/"),
    ],
)
def test_no_line_opens_anything_to_who_reads_it(logged, written):
    assert Line("%(message)s").format(logging.makeLogRecord({"msg": logged})) == written
