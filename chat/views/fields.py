"""The input of a request: the fields of a POST, whether sent as a form or as JSON."""

import json
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, QueryDict
from django.http.request import RawPostDataException
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from ..refusals import Refused

DIGITS = 10  # of the longest number that makes sense
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
JSON = "application/json"


def fields(request: HttpRequest) -> QueryDict:
    """The fields of a form, or of a flat JSON object, whose values all become strings.

    An empty body has no fields. Raises Refused for anything else.
    """
    body = body_of(request)
    if not body:
        return request.POST
    if request.content_type in FORMS:
        return _of_form(request, body)
    if request.content_type == JSON:
        return _of_json(body)
    raise Refused(_("Send a form, or JSON with Content-Type: application/json."), 415)


def body_of(request: HttpRequest) -> bytes:
    """The body of the request. Raises Refused if it is too large."""
    try:
        body = request.body
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:  # sent without Content-Length
            raise RequestDataTooBig
        return body
    except RawPostDataException:  # a multipart form, which the CSRF check has parsed already
        return b"\r\n"
    except RequestDataTooBig:
        raise Refused(_("This is too much at once. Send less."), 413) from None


def page_left(request: HttpRequest) -> str:
    """The page that the form was sent from, as its field `next` says; empty if it is not ours."""
    url = request.POST.get("next", "")
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}) else ""


def number(written: str) -> int | None:
    """A number from the query string; None if it is not a number, or absurdly long."""
    return int(written) if written.isdecimal() and len(written) <= DIGITS else None


def _of_form(request: HttpRequest, body: bytes) -> QueryDict:
    """The fields with newlines as they were typed: browsers send each as CRLF (HTML standard,
    "multipart form data"). Refuses invalid UTF-8, in which Django would replace characters."""
    try:
        (unquote_to_bytes(body) if request.content_type == FORMS[0] else body).decode()
    except UnicodeDecodeError:
        raise Refused(_("This is not valid UTF-8.")) from None
    data = request.POST.copy()
    for name, values in data.lists():
        data.setlist(name, [value.replace("\r\n", "\n") for value in values])
    return data


def _of_json(body: bytes) -> QueryDict:
    data = QueryDict(mutable=True)
    try:
        given = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_no_number, parse_float=_finite
        )
        if not isinstance(given, dict):
            raise ValueError(type(given))
        for name, value in given.items():
            data[name] = _text(value)
            data[name].encode()  # fails for a lone surrogate
    except (ValueError, RecursionError):  # invalid UTF-8 and overlong numbers too
        text = _('Send a JSON object of texts and numbers, like {"message": "Hello"}.')
        raise Refused(text) from None
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuses duplicate names: which value is meant is anybody's guess."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate names")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(digits: str) -> float:
    number = float(digits)
    if abs(number) == float("inf"):
        raise ValueError(digits)
    return number


def _text(value: object) -> str:
    """The value as a form would send it; null is empty."""
    if isinstance(value, dict | list):
        raise ValueError(type(value))
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)
