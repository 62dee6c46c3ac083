from asgiref.sync import sync_to_async
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from ..engine import engine


@require_safe
async def healthz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers and the process is not shutting down, else 503."""
    if engine().is_leaving:
        return JsonResponse({"status": "shutting down"}, status=503)
    try:
        await sync_to_async(_ask_database)()
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "the database does not answer"}, status=503)
    return JsonResponse({"status": "ok"})


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
