import logging
import sys
import time

import pytest
from django.core.exceptions import DisallowedHost

from project.logs import LINE_CHARS, LINES_A_MINUTE, Clients

FORMATTER = logging.Formatter("%(message)s")


def wrong_host(name="django.security.DisallowedHost", text="Invalid HTTP_HOST header: %r", **extra):
    try:
        raise DisallowedHost
    except DisallowedHost:
        level, error = logging.ERROR, sys.exc_info()
    record = logging.LogRecord(name, level, "", 0, text, ("evil.example",), error)
    vars(record).update(extra)
    return record


def lines(clients, *records):
    return [FORMATTER.format(record) for record in records if clients.filter(record)]


@pytest.mark.parametrize(
    "extra", [{}, {"name": "chat.csp"}, {"name": "django.request", "status_code": 400}]
)
def test_what_a_client_did_wrong_has_one_line(extra):
    assert lines(Clients(), wrong_host(**extra)) == ["Invalid HTTP_HOST header: 'evil.example'"]


@pytest.mark.parametrize(
    "extra", [{"name": "chat"}, {"name": "django.request", "status_code": 500}]
)
def test_what_went_wrong_here_keeps_its_traceback(extra):
    (text,) = lines(Clients(), wrong_host(**extra))
    assert "Traceback" in text


def test_a_line_has_an_end():
    assert len(lines(Clients(), wrong_host(text="%s" + "x" * 10_000))[0]) == LINE_CHARS


def test_many_lines_of_one_kind_become_a_few_and_a_number():
    clients = Clients(minute=2)
    assert len(lines(clients, *(wrong_host() for _ in range(1_000)))) == LINES_A_MINUTE
    assert lines(clients, wrong_host("django.security.RequestDataTooBig"))
    time.sleep(2)
    (text,) = lines(clients, wrong_host())
    assert text.endswith("(990 more like this were left out)")
    assert lines(clients, wrong_host()) == ["Invalid HTTP_HOST header: 'evil.example'"]
