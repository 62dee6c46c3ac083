import json
import os
from urllib.request import Request, urlopen

import aiohttp
from django.apps import AppConfig

from chat.signals import reply_settled

LONGEST = 60.0  # seconds


def tell(reply, **_):
    said = json.dumps({"id": str(reply.pk), "state": reply.state, "by": os.getpid()}).encode()
    urlopen(Request(f"{os.environ['LISTENER']}tell", said), timeout=LONGEST).close()


async def tell_async(reply, **_):
    said = {"id": str(reply.pk), "state": reply.state, "by": os.getpid()}
    async with aiohttp.ClientSession(raise_for_status=True) as client:
        await client.post(f"{os.environ['LISTENER']}tell_async", json=said)


class Listening(AppConfig):
    name = "tests.listening"
    label = "listening"

    def ready(self):
        reply_settled.connect(tell)
        reply_settled.connect(tell_async)
