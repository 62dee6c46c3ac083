import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import openai

from ..conf import ProviderConf, conf
from ..naming import find
from .answer import Answer
from .clients import ChosenClient, Clients, OtherBody
from .demo import DemoModel
from .errors import FOR_STAFF, Fault, ProviderError, Trouble, refused, stalled
from .health import Health
from .looking import Listed, look
from .offer import Offer
from .reading import Delta, require_event_stream
from .transport import RESPONSE

logger = logging.getLogger(__name__)

LONGEST_WAIT = 10.0  # seconds before a retry; if told to wait longer, we give up
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
Messages = list[dict[str, Any]]


class Provider:
    """The site's connection to its providers, one per process; to the demo if none is set.

    Models have their full names here, as in `naming`.
    """

    def __init__(self) -> None:
        self.health = Health()
        self._demo: DemoModel | None = None
        self._demo_address = ""
        self._clients = Clients()
        self._offer = Offer(self.look)
        self._starting = asyncio.Lock()

    async def client(
        self, provider: ProviderConf, choice: ChosenClient = None
    ) -> openai.AsyncOpenAI:
        """The site's own client for this provider, or the one its hooks chose.

        Raises ProviderError if the traffic would be unencrypted.
        """
        address = provider.URL
        if choice is None and conf().is_demo:
            address = await self._start_demo()
        return self._clients.get(choice or (address, provider.KEY))

    async def _start_demo(self) -> str:
        async with self._starting:
            if self._demo is None:
                self._demo = DemoModel()
                self._demo_address = await self._demo.start()
            return self._demo_address

    async def close(self) -> None:
        await self._clients.close()
        if self._demo:
            await self._demo.stop()

    async def models(self) -> list[str]:
        """The models on offer, the default first. Empty while no provider can list them."""
        return await self._offer.models()

    async def trouble(self) -> str:
        """What is wrong with the providers, for staff, translated; empty if nothing is."""
        return "" if conf().is_demo else " ".join(await self._offer.troubles())

    async def look(self, provider: ProviderConf) -> Listed:
        """What a provider offers now, and what is wrong with it."""
        try:
            with _in_our_words(provider):
                return await look(await self.client(provider), provider)
        except ProviderError as error:
            return Listed([], FOR_STAFF.get(error.text) or Trouble(error.text))

    async def stream(
        self, messages: Messages, model: str, client: ChosenClient = None
    ) -> AsyncIterator[Delta]:
        """The reply of `model`: one delta each time something arrives.

        Raises ProviderError, as `answer` does.
        """
        async with self.answer(messages, model, client) as answer:
            while True:
                yield answer.take()
                if answer.is_over:
                    break
                await answer.arrival()
            if answer.failure:
                raise answer.failure

    @asynccontextmanager
    async def answer(
        self,
        messages: Messages,
        model: str,
        client: ChosenClient = None,
        parameters: dict[str, Any] | None = None,
    ) -> AsyncIterator[Answer]:
        """The reply of `model`, which has begun to write or reason. Retries only before that.

        `parameters` replace the provider's EXTRA_BODY in the request.

        Raises ProviderError if no reply begins; a later failure is in `failure`.
        """
        provider, id = find(model)
        extra = provider.EXTRA_BODY if parameters is None else parameters
        body = {"model": id, "messages": messages, **STREAMED, **extra}
        answer = await self._begun(provider, body, client)
        try:
            yield answer
        finally:
            if answer.failure and client is None:
                self._note(provider, answer.failure)
            await answer.close()

    async def _begun(
        self, provider: ProviderConf, body: dict[str, Any], choice: ChosenClient
    ) -> Answer:
        for tries in range(conf().CHAT_RETRIES + 1):
            try:
                return await self._attempt(provider, body, choice)
            except ProviderError as error:
                if choice is None:
                    self._note(provider, error)
                wait = error.retry_after or 0.5 * 2**tries
                if not error.retryable or tries == conf().CHAT_RETRIES or wait > LONGEST_WAIT:
                    raise
                logger.info("Provider: %s. Trying again in %.1f s.", error, wait)
            await asyncio.sleep(wait * random.uniform(0.75, 1.25))
        raise AssertionError("the last try returns or raises")

    def _note(self, provider: ProviderConf, error: ProviderError) -> None:
        if error.fault is Fault.PROVIDER:
            self.health.failed(provider.name)

    async def _attempt(
        self, provider: ProviderConf, body: dict[str, Any], choice: ChosenClient
    ) -> Answer:
        with _in_our_words(provider):
            async with asyncio.timeout(provider.FIRST_PIECE_TIMEOUT):
                client = await self.client(provider, choice)
                # Half the cost of `chat.completions`, which validates each field of the request.
                response = await client.post(
                    "/chat/completions",
                    body=body,
                    cast_to=httpx2.Response,
                    stream=True,
                    stream_cls=openai.AsyncStream,
                )
        body_of_it = response.extensions.get(RESPONSE) or OtherBody(response)
        answer = Answer(body_of_it, provider)  # all that we hold while the reply runs
        try:
            require_event_stream(response.headers.get("content-type", ""))
            await answer.begin()
            if answer.failure and not answer.has_begun:
                raise answer.failure
        except BaseException:
            await answer.close()
            raise
        return answer


@contextmanager
def _in_our_words(provider: ProviderConf) -> Iterator[None]:
    """Turns any error inside into a ProviderError: untrusted headers and bodies are parsed
    there, and odd ones raise more than the client's own errors."""
    try:
        yield
    except ProviderError:
        raise
    except TimeoutError:
        raise stalled() from None
    except Exception as error:
        raise refused(error, provider) from None
