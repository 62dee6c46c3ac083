from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from ..database import connection
from ..engine.database import is_outage
from ..engine.process import engine
from .access import without_transaction

PATIENCE = 2.0  # seconds


@without_transaction
@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and replies are stored, and the process stays; else 503."""
    here = engine()
    if here.is_leaving:
        return JsonResponse({"status": "shutting down"}, status=503)
    try:
        if not here.journal.committer.is_late():
            await here.requests.run(_ask_database, patience=PATIENCE)
            return JsonResponse({"status": "ok"})
    except Exception as error:
        if not is_outage(error):
            raise
    return JsonResponse({"status": "the database does not answer"}, status=503)


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
