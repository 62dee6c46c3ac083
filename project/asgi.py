"""The site for a server: Django behind a guard, and a shutdown that loses nothing."""

import asyncio
import logging
import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

from django.core.asgi import get_asgi_application

django = get_asgi_application()

from django.core.signals import request_started  # noqa: E402
from django.db import close_old_connections, reset_queries  # noqa: E402

from chat.asgi import hand_over, with_lifespan  # noqa: E402
from chat.engine import process  # noqa: E402 (models need Django to be set up)
from project.guard import Guard  # noqa: E402
from project.mail import outbox  # noqa: E402
from project.postgresql import give_deadlines  # noqa: E402

MAIL_TIME = 2.0  # seconds for letters that wait, beside those for replies

# A request has a thread of its own: at its beginning there are no connections to look after. It
# would be started just to find that out.
request_started.disconnect(close_old_connections)
request_started.disconnect(reset_queries)


async def shut_down() -> None:
    """What is to be done before the server goes."""
    await hand_over()
    await asyncio.to_thread(outbox.finish, MAIL_TIME)


application = with_lifespan(Guard(django, process.is_leaving), shut_down)


def _hook_into_daphne() -> None:
    """daphne knows no ASGI lifespan: the end of its reactor is where a shutdown can be seen."""
    if "daphne.server" not in sys.modules:
        return
    from twisted.internet import defer, reactor

    from project import server

    server.install()

    def before_shutdown() -> defer.Deferred:
        return defer.Deferred.fromFuture(asyncio.ensure_future(shut_down()))

    def after_shutdown() -> None:
        # All is handed over. A thread that waits for a locked database would hold the process up,
        # and a second SIGTERM would kill it while the interpreter tidies up.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)

    # Replies whose writer is gone are found also where nobody asks for a page.
    reactor.callWhenRunning(lambda: reactor.callLater(0, process.engine))
    reactor.addSystemEventTrigger("before", "shutdown", before_shutdown)
    reactor.addSystemEventTrigger("after", "shutdown", after_shutdown)


give_deadlines()
_hook_into_daphne()
