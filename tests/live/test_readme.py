"""The client of the README, against a real site behind a bad network."""

import asyncio
import json
import re
import threading
from urllib.error import HTTPError

import pytest

from ..double import ENDING, Text, WaitFor
from ..site import ROOT
from .conftest import CSRF_TOKEN
from .test_page_networks import Proxy

README = (ROOT / "README.md").read_text()
CODE = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]


@pytest.fixture
def proxy(site):
    proxy = Proxy(next(iter(site.processes)))
    yield proxy
    proxy.close()


@pytest.fixture
def follow():
    """With less patience, for the sake of the test's."""
    names = {}
    exec(CODE.replace("timeout=30", "timeout=2"), names)
    return names["follow"]


async def events_of(ana):
    async with ana.post("/chat/", json={"message": "Hello"}, headers=HEADERS) as response:
        return json.loads(await response.text())["reply"]["events"]


HEADERS = {"X-CSRFToken": CSRF_TOKEN}


@pytest.mark.parametrize("breakdown", ["stall", "cut"])
async def test_it_survives_a_connection_that_dies(ana, site, double, proxy, follow, breakdown):
    gate = threading.Event()
    double.script(Text("one "), WaitFor(gate), Text("two"), *ENDING)
    address = f"http://127.0.0.1:{proxy.port}{await events_of(ana)}"

    def read():
        pieces = follow(address, {"Cookie": site.cookies()})
        first = next(pieces)
        getattr(proxy, breakdown)()
        gate.set()
        return first, "".join(pieces)

    assert await asyncio.wait_for(asyncio.to_thread(read), 20) == ("one ", "two")
    assert len(proxy.seen) == 2


async def test_it_tells_when_nobody_is_logged_in(ana, proxy, follow):
    address = f"http://127.0.0.1:{proxy.port}{await events_of(ana)}"
    with pytest.raises(HTTPError, match="401"):
        await asyncio.to_thread(next, follow(address, {}))
