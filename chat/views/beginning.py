"""Begin a reply, or say why it cannot begin."""

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Model
from django.http import Http404
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from ..engine.database import is_outage
from ..engine.lanes import Crowded
from ..engine.process import Busy, Leaving, engine
from ..models import Conversation, Message, Preset, ReplyRunning
from ..refusals import Refused
from .errors import RETRY_AFTER, connect_anew

logger = logging.getLogger(__name__)

STILL_RUNNING = gettext_lazy("A reply is still being written here. Wait for it, or stop it first.")
NO_DATABASE = gettext_lazy("The database does not answer. Try again in a moment.")


async def begin(
    store: Callable[[UUID], Message], reply_id: UUID, user: Model, in_outage: str = NO_DATABASE
) -> Message:
    """Have the engine store a reply and begin to write it. Raises Refused or Http404.

    `in_outage` is the message for when the database fails and it is unknown what was stored.
    """
    try:
        return await engine().begin(override(get_language())(store), reply_id, user.pk)
    except ReplyRunning:
        raise Refused(STILL_RUNNING, 409, 2) from None
    except (Busy, Crowded):
        text = _("Too many replies are being written. Try again in a moment.")
        raise Refused(text, 503, 5) from None
    except Leaving:
        text = _("The server is being restarted. Try again in a moment.")
        raise Refused(text, 503, 2) from None
    except (DatabaseError, InterfaceError) as error:
        if not is_outage(error):
            raise
        logger.warning("Whether a message was stored is not known: the database fails.")
        await asyncio.to_thread(connect_anew, error)
        raise Refused(in_outage, 503, RETRY_AFTER) from None
    except (Conversation.DoesNotExist, Preset.DoesNotExist):
        raise Http404 from None
