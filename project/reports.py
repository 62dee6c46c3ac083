"""Violations of the Content-Security-Policy, as browsers report them: each is one line in the log.

Anybody can send anything here, so the logger takes only a few a minute.
"""

import json
import logging
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from chat.views.access import methods
from chat.views.answers import refusal

LONGEST = 8 * 1024  # bytes of a report
LONGEST_FIELD = 100  # characters

logger = logging.getLogger("chat.csp")


@csrf_exempt
@methods("POST")
async def reports(request: HttpRequest) -> HttpResponse:
    """Takes one report (https://www.w3.org/TR/CSP3/#deprecated-serialize-violation)."""
    if len(request.body) > LONGEST:
        return refusal(_("This is too much at once. Send less."), 413)
    try:
        report = json.loads(request.body)["csp-report"]
        fields = [_field(report, name) for name in ("document-uri", "source-file", "line-number")]
        kept = [_field(report, name) for name in ("effective-directive", "blocked-uri")]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return refusal(_("This request cannot be understood."), 400)
    logger.warning("%s kept %s from %s (%s, line %s)", *kept, *fields)
    return HttpResponse(status=204)


def _field(report: dict[str, Any], name: str) -> str:
    """The field on one line; of a URL neither query nor fragment."""
    text = str(report.get(name, ""))[:LONGEST_FIELD].partition("?")[0].partition("#")[0]
    return "".join(filter(str.isprintable, text)) or "-"
