import asyncio
import logging
import random
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import openai

from ..conf import conf
from ..demo import DemoModel
from .answer import Answer
from .errors import ProviderError, for_log, refused, stalled
from .reading import Delta, require_event_stream
from .transport import RESPONSE, Transport

logger = logging.getLogger(__name__)

LONGEST_WAIT = 10.0  # seconds before a further try; who is told to wait longer, gives up
MODELS_KEPT = 300.0  # seconds that the provider's list of models is used
NOT_FOR_CHAT = re.compile(
    "embed|whisper|tts|dall-e|moderation|audio|image|realtime|transcribe|davinci|babbage|sora|search"
)

Messages = list[dict[str, str]]


class Provider:
    """The site's connection to its provider, made once a process; to the demo if none is set."""

    def __init__(self) -> None:
        self._demo: DemoModel | None = None
        self._client: openai.AsyncOpenAI | None = None
        self._models: list[str] = []
        self._models_until = 0.0
        self._starting = asyncio.Lock()

    @staticmethod
    def is_demo() -> bool:
        return not (conf().OPENAI_API_KEY or conf().OPENAI_BASE_URL)

    async def client(self) -> openai.AsyncOpenAI:
        async with self._starting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def _connect(self) -> openai.AsyncOpenAI:
        key, address = conf().OPENAI_API_KEY, conf().OPENAI_BASE_URL
        if self.is_demo():
            self._demo = DemoModel()
            address = await self._demo.start()
        return openai.AsyncOpenAI(
            api_key=key or "none",  # servers at home want no key, the client wants one
            base_url=address or None,
            max_retries=0,
            timeout=openai.Timeout(None, connect=conf().CHAT_CONNECT_TIMEOUT),
            http_client=httpx2.AsyncClient(transport=Transport(), follow_redirects=True),
        )

    async def close(self) -> None:
        if self._client:
            await self._client.close()
        if self._demo:
            await self._demo.stop()

    async def models(self) -> list[str]:
        """What people may choose from, the default first. Empty while the provider cannot say."""
        if conf().CHAT_MODELS:
            return conf().CHAT_MODELS
        now = asyncio.get_running_loop().time()
        if now >= self._models_until:
            self._models_until = now + MODELS_KEPT
            try:
                self._models = await self._list_models()
            except (openai.OpenAIError, TimeoutError, ValueError) as error:
                self._models_until = now + 5  # seconds
                logger.warning("The provider's models could not be listed: %s", for_log(error))
        return self._models

    async def _list_models(self) -> list[str]:
        async with asyncio.timeout(conf().CHAT_CONNECT_TIMEOUT):
            listed = (await (await self.client()).models.list()).data
        newest_first = sorted(listed, key=lambda model: -(getattr(model, "created", 0) or 0))
        return [model.id for model in newest_first if not NOT_FOR_CHAT.search(model.id)]

    async def stream(self, messages: Messages, model: str) -> AsyncIterator[Delta]:
        """The reply of `model`, a delta for each time that something has arrived.

        Raises ProviderError, as `answer` does.
        """
        async with self.answer(messages, model) as answer:
            while True:
                yield answer.take()
                if answer.is_over:
                    break
                await answer.arrival()
            if answer.failure:
                raise answer.failure

    @asynccontextmanager
    async def answer(self, messages: Messages, model: str) -> AsyncIterator[Answer]:
        """The reply of `model`, which has begun to write or to think. Tries again only before that.

        Raises ProviderError if it does not come to a text; what fails later stands in `failure`.
        """
        async with AsyncExitStack() as stack:
            for tries in range(conf().CHAT_RETRIES + 1):
                try:
                    answer = await self._attempt(messages, model, stack)
                    break
                except ProviderError as error:
                    await stack.aclose()
                    wait = error.retry_after or 0.5 * 2**tries
                    if not error.retryable or tries == conf().CHAT_RETRIES or wait > LONGEST_WAIT:
                        raise
                    logger.info("Provider: %s. Trying again in %.1f s.", error, wait)
                await asyncio.sleep(wait * random.uniform(0.75, 1.25))
            yield answer

    async def _attempt(self, messages: Messages, model: str, stack: AsyncExitStack) -> Answer:
        body = {
            "model": model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            **conf().CHAT_EXTRA_BODY,
        }
        client = await self.client()
        try:
            async with asyncio.timeout(conf().CHAT_FIRST_PIECE_TIMEOUT):
                # Half the cost of `chat.completions`, which checks each field of the request.
                response = await client.post(
                    "/chat/completions",
                    body=body,
                    cast_to=httpx2.Response,
                    stream=True,
                    stream_cls=openai.AsyncStream,
                )
        except TimeoutError:
            raise stalled() from None
        except openai.OpenAIError as error:
            raise refused(error) from None
        below = response.extensions[RESPONSE]  # all that is held while the reply runs
        stack.callback(below.release)
        require_event_stream(response.headers.get("content-type", ""))
        answer = Answer(below)
        stack.push_async_callback(answer.close)
        await answer.begin()
        if answer.failure and not answer.has_begun:
            raise answer.failure
        return answer
