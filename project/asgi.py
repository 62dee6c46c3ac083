"""The site for daphne: Django behind a guard, and a shutdown that loses nothing."""

import asyncio
import logging
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()

from django.core.signals import request_started  # noqa: E402
from django.db import close_old_connections, reset_queries  # noqa: E402

from chat import engine  # noqa: E402 (models need Django to be set up)
from project.guard import Guard  # noqa: E402

SHUTDOWN_TIME = 8.0  # seconds, within the ten that a service manager gives

# A request has a thread of its own: at its beginning there are no connections to look after. It
# would be started just to find that out.
request_started.disconnect(close_old_connections)
request_started.disconnect(reset_queries)

logger = logging.getLogger("chat.shutdown")
application = Guard(django, engine.is_leaving)


async def shut_down() -> None:
    """Hand running replies over and send readers on, before the server goes."""
    try:
        async with asyncio.timeout(SHUTDOWN_TIME):
            await engine.close()
    except TimeoutError:
        logger.warning("Not everything could be handed over in time; the leases will run out.")
    except Exception:
        logger.exception("The shutdown failed")


def _hook_into_daphne() -> None:
    """daphne knows no ASGI lifespan: the end of its reactor is where a shutdown can be seen."""
    if "daphne.server" not in sys.modules:
        return
    from twisted.internet import defer, reactor

    def before_shutdown() -> defer.Deferred:
        return defer.Deferred.fromFuture(asyncio.ensure_future(shut_down()))

    def after_shutdown() -> None:
        # All is handed over. A thread that waits for a locked database would hold the process up,
        # and a second SIGTERM would kill it while the interpreter tidies up.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)

    reactor.addSystemEventTrigger("before", "shutdown", before_shutdown)
    reactor.addSystemEventTrigger("after", "shutdown", after_shutdown)


_hook_into_daphne()
