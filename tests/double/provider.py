"""The server: its thread, its scripts and its records."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from aiohttp import web

from .faults import error_object
from .request import WAIT, Request
from .steps import Pause, Reasoning, Step, Text, WaitFor, answer, default_reply
from .stream import Stream, Whole

HOST = "127.0.0.1"
BACKLOG = 4096  # connections
LARGEST_BODY = 64 * 2**20  # bytes
ARRIVES = 10  # rounds of the loop until what has been sent to the server is in its hands
CONTROL_TIMEOUT = 10.0  # seconds for an order to the server's thread
Result = TypeVar("Result")


class ProviderDouble:
    """`with ProviderDouble() as double:` serves at `double.base_url` until the block ends.

    `models` are listed, or `listing` is: the whole body as it stands, or a status to refuse with.
    Takes any key. Without a script it answers `default_reply(prompt)`. An exception inside a script
    is raised as AssertionError by `clear` and at the end of the block.
    """

    def __init__(self, *, port: int = 0, models: Sequence[str] = ("double-1", "double-2")) -> None:
        self.port = port
        self.models = list(models)
        self.listing: bytes | int | None = None
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._scripts: list[_Script] = []
        self._failures: list[Exception] = []
        self._open: dict[Request, web.Request] = {}
        self._site: web.TCPSite | None = None

    def __enter__(self) -> "ProviderDouble":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="double", daemon=True)
        self._thread.start()
        try:
            self._order(self._start())
        except BaseException:
            self._stop_thread()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._order(self._stop())
        finally:
            self._stop_thread()
        if error is None:
            self._raise_failures()

    @property
    def base_url(self) -> str:
        return f"http://{HOST}:{self.port}/v1"

    def script(self, *steps: Step, when: str | None = None, times: int | None = None) -> None:
        """Answers with these steps if `when` is in the prompt (None: always), `times` times (None:
        for ever). The newest script that fits wins. A script is played as it stands: it may not
        break off after a text or a wait, so say `*ENDING`, or `Cut()` for a body that merely ends.
        """
        if not steps or isinstance(steps[-1], Text | Reasoning | Pause | WaitFor):
            raise ValueError("say how the script ends: *ENDING, Cut(), Stall() …")
        with self._changed:
            self._scripts.append(_Script(steps, when, times))

    @property
    def requests(self) -> list[Request]:
        """The chat-completions requests in the order of their arrival."""
        with self._changed:
            return list(self._requests)

    def texts_sent(self) -> list[str]:
        return [request.sent for request in self.requests]

    def wait_for_requests(self, count: int, timeout: float = WAIT) -> list[Request]:
        """The requests, as soon as there are `count` of them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._requests) >= count, timeout):
                raise AssertionError(
                    f"{len(self._requests)} of {count} requests after {timeout} s: {self._requests}"
                )
            return list(self._requests)

    def clear(self) -> None:
        """Ends the open answers, then forgets every script and request, also those on their way."""
        for request in self._order(self._abort_open()):
            request.wait_closed()
        with self._changed:
            self._requests.clear()
            self._scripts.clear()
        self._raise_failures()

    def stop_listening(self) -> None:
        """New connections are refused, idle ones closed; answers that are open go on."""
        self._order(self._stop_listening())

    def listen_again(self) -> None:
        """Listens on the same port as before."""
        self._order(self._listen())

    def _raise_failures(self) -> None:
        failures, self._failures = self._failures, []
        if failures:
            raise AssertionError("the double could not play a script") from failures[0]

    def _order(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CONTROL_TIMEOUT)

    def _stop_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=LARGEST_BODY)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_route("*", "/{path:.*}", _not_found)
        # Cancelled as soon as the client is gone, whatever the step is waiting for.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await self._runner.setup()
        await self._listen()

    async def _listen(self) -> None:
        site = web.TCPSite(self._runner, HOST, self.port, backlog=BACKLOG)
        await site.start()
        self._site, self.port = site, site.port

    async def _stop_listening(self) -> None:
        if self._site is not None:
            await self._site.stop()
            self._site = None
        busy = {http.protocol for http in self._open.values()}
        for connection in self._runner.server.connections:
            if connection not in busy and connection.transport is not None:
                connection.transport.abort()

    async def _stop(self) -> None:
        await self._abort_open()
        await self._stop_listening()
        await self._runner.cleanup()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _abort_open(self) -> list[Request]:
        for _ in range(ARRIVES):
            await asyncio.sleep(0)
        was_open = dict(self._open)
        self._open.clear()  # so that it is not put down to the client
        for connection in self._runner.server.connections:
            if connection.transport is not None:
                connection.transport.abort()
        return list(was_open)

    async def _list_models(self, http: web.Request) -> web.Response:
        if isinstance(self.listing, int):
            refusal = error_object("There is no list here.")
            return web.json_response(refusal, status=self.listing)
        if self.listing is not None:
            return web.Response(body=self.listing, content_type="application/json")
        entry = {"object": "model", "created": 0, "owned_by": "double"}
        data = [{"id": model, **entry} for model in self.models]
        return web.json_response({"object": "list", "data": data})

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        try:
            port = http.transport.get_extra_info("peername")[1]
            body = await http.json()
            body["model"]  # as OpenAI: without it nothing is asked
            request = Request(body, http.headers, port)
        except (ValueError, AttributeError, TypeError, KeyError):
            return web.json_response(error_object("That is no chat request."), status=400)
        stream, steps = self._admit(request, http)
        ended = False
        try:
            await stream.play(steps)
            ended = True
            await stream.end()
        except ConnectionError:
            pass  # as the client's going, of which aiohttp tells by cancelling, if it comes first
        except Exception as failure:
            self._failures.append(failure)
            await stream.sever(reset=True)
            ended = True
        finally:
            was_open = self._open.pop(request, None) is not None
            request.record_end(closed_by_client=was_open and not (ended or stream.over))
        return stream.response or web.Response()

    def _admit(self, request: Request, http: web.Request) -> tuple[Stream, Sequence[Step]]:
        """Records the request and finds the script for it."""
        with self._changed:
            self._requests.append(request)
            self._open[request] = http
            kind = Stream if request.body.get("stream") else Whole
            stream = kind(http, request, number=len(self._requests))
            steps = self._pick(request.prompt)
            self._changed.notify_all()
        return stream, steps

    def _pick(self, prompt: str) -> Sequence[Step]:
        for script in reversed(self._scripts):
            if script.left != 0 and (script.when is None or script.when in prompt):
                if script.left is not None:
                    script.left -= 1
                return script.steps
        return answer(default_reply(prompt))


@dataclass
class _Script:
    steps: Sequence[Step]
    when: str | None
    left: int | None


async def _not_found(http: web.Request) -> web.Response:
    return web.json_response(error_object("There is nothing here."), status=404)
