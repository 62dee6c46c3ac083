import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import openai

from ..conf import conf
from .answer import Answer
from .clients import ChosenClient, Clients, OtherBody
from .demo import DemoModel
from .errors import ProviderError, refused, stalled
from .listing import for_chat
from .reading import Delta, require_event_stream
from .transport import RESPONSE

logger = logging.getLogger(__name__)

OPENAI = "https://api.openai.com/v1"
LONGEST_WAIT = 10.0  # seconds before a retry; if told to wait longer, we give up
MODELS_KEPT = 300.0  # seconds that the provider's model list is cached
MODELS_RETRIED = 5.0  # seconds until a failed listing is tried again
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}
Messages = list[dict[str, Any]]


class Provider:
    """The site's connection to its provider, one per process; to the demo if none is set."""

    def __init__(self) -> None:
        self._demo: DemoModel | None = None
        self._client: openai.AsyncOpenAI | None = None
        self._clients = Clients()
        self._models: list[str] = []
        self._models_until = 0.0
        self._starting = asyncio.Lock()

    async def client(self, choice: ChosenClient = None) -> openai.AsyncOpenAI:
        """The site's own client, or the one its hooks chose.

        Raises ProviderError if the traffic would be unencrypted.
        """
        if choice is not None:
            return self._clients.get(choice)
        async with self._starting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> openai.AsyncOpenAI:
        address = conf().OPENAI_BASE_URL or OPENAI
        if conf().is_demo:
            self._demo = DemoModel()
            address = await self._demo.start()
        return self._clients.get((address, conf().OPENAI_API_KEY))

    async def close(self) -> None:
        await self._clients.close()
        if self._demo:
            await self._demo.stop()

    async def models(self) -> list[str]:
        """The models on offer, the default first. Empty while the provider cannot list them."""
        if conf().CHAT_MODELS:
            return conf().CHAT_MODELS
        now = asyncio.get_running_loop().time()
        if now >= self._models_until:
            self._models_until = now + MODELS_RETRIED
            try:
                self._models = await self._list_models()
                self._models_until = now + MODELS_KEPT
            except ProviderError as error:
                logger.warning("The provider's models could not be listed: %s", error)
        return self._models

    async def _list_models(self) -> list[str]:
        with _in_our_words():
            async with asyncio.timeout(conf().CHAT_CONNECT_TIMEOUT):
                client = await self.client()
                response = await client.get("/models", cast_to=httpx2.Response)
            return for_chat(response.content)

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

        `parameters` replace CHAT_EXTRA_BODY in the request.

        Raises ProviderError if no reply begins; a later failure is in `failure`.
        """
        extra = conf().CHAT_EXTRA_BODY if parameters is None else parameters
        answer = await self._begun(
            {"model": model, "messages": messages, **STREAMED, **extra}, client
        )
        try:
            yield answer
        finally:
            await answer.close()

    async def _begun(self, body: dict[str, Any], choice: ChosenClient) -> Answer:
        for tries in range(conf().CHAT_RETRIES + 1):
            try:
                return await self._attempt(body, choice)
            except ProviderError as error:
                wait = error.retry_after or 0.5 * 2**tries
                if not error.retryable or tries == conf().CHAT_RETRIES or wait > LONGEST_WAIT:
                    raise
                logger.info("Provider: %s. Trying again in %.1f s.", error, wait)
            await asyncio.sleep(wait * random.uniform(0.75, 1.25))
        raise AssertionError("the last try returns or raises")

    async def _attempt(self, body: dict[str, Any], choice: ChosenClient) -> Answer:
        with _in_our_words():
            async with asyncio.timeout(conf().CHAT_FIRST_PIECE_TIMEOUT):
                client = await self.client(choice)
                # Half the cost of `chat.completions`, which validates each field of the request.
                response = await client.post(
                    "/chat/completions",
                    body=body,
                    cast_to=httpx2.Response,
                    stream=True,
                    stream_cls=openai.AsyncStream,
                )
        body_of_it = response.extensions.get(RESPONSE) or OtherBody(response)
        answer = Answer(body_of_it)  # all that we hold while the reply runs
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
def _in_our_words() -> Iterator[None]:
    """Turns any error inside into a ProviderError: untrusted headers and bodies are parsed
    there, and odd ones raise more than the client's own errors."""
    try:
        yield
    except ProviderError:
        raise
    except TimeoutError:
        raise stalled() from None
    except Exception as error:
        raise refused(error) from None
