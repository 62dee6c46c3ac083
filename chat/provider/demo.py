"""The built-in demo model, for a first run without a key.

It is a small OpenAI-compatible server on its own loopback port, so that the demo takes the
same path as a real provider: the openai client, HTTP, an event stream.
"""

import asyncio
import re
from contextlib import suppress
from time import time

from aiohttp import web

from ..sse import frame
from .prompts import ASK_FOR_TITLE, ASK_TO_GO_ON

MODEL = "demo"
PAUSE = 0.03  # seconds between two words
LONGEST_QUOTE = 200  # characters of the question that the reply quotes
TITLE_WORDS = 6
SMALL_TALK = re.compile(
    r"^((hello|hi|hey|please|can you|could you|would you|tell me|explain|how (do|can|to)( i)?"
    r"|what (is|are)|i (want|need) to|help me( to)?|about|me|a|an|the)\b[\s,.!?:]*)*",
    re.IGNORECASE,
)
SMALL_WORDS = re.compile(
    r"(\s(a|an|and|as|at|but|by|for|from|if|in|is|it|my|of|on|or|so|that|the|to|with))+$",
    re.IGNORECASE,
)

REPLY = """\
You asked: *{question}*

I am Parley's **built-in demo model**. I cannot think, but I travel the same road as a real one: \
every word you see was stored in the database before it reached your screen. Try it:

1. **Reload the page** while I write. I go on where you left off.
2. **Open a second tab.** Both show the same text.
3. **Press Stop.** What I wrote so far is kept.

A real model would also write code, which looks like this:

```python
async for chunk in follow(reply):
    print(chunk.text, end="")
```

| To chat with      | set                                |
|-------------------|------------------------------------|
| OpenAI            | `OPENAI_API_KEY`                   |
| another provider  | `OPENAI_BASE_URL`, and its key     |
| a model at home   | `OPENAI_BASE_URL` of its server    |

Put it into the environment or a file named `.env`, and start Parley again."""


class DemoModel:
    """Serves `/v1/models` and `/v1/chat/completions` while it is started."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Start serving; returns the base URL."""
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_get("/v1/models", _models)
        app.router.add_post("/v1/chat/completions", _completion)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        _, port = self._runner.addresses[0][:2]
        return f"http://127.0.0.1:{port}/v1"

    async def stop(self) -> None:
        await self._runner.cleanup()


async def _models(_: web.Request) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})


async def _completion(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    words = re.findall(r"\s*\S+", _answer(body["messages"]))
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    with suppress(ConnectionResetError):  # the reply was stopped
        await _write(request, response, words, body)
    return response


async def _write(
    request: web.Request, response: web.StreamResponse, words: list[str], body: dict
) -> None:
    await response.prepare(request)
    for word in words:
        await response.write(frame(_chunk({"content": word})))
        await asyncio.sleep(PAUSE)
    await response.write(frame(_chunk({}, finish_reason="stop")))
    used = sum(len(message["content"].split()) for message in body["messages"])
    usage = {"prompt_tokens": used, "completion_tokens": len(words)}
    await response.write(frame(_chunk(None, usage=usage)))
    await response.write(b"data: [DONE]\n\n")


def _answer(messages: list[dict[str, str]]) -> str:
    """What was requested: a title, the rest of an interrupted reply, or a reply."""
    asked = [message["content"] for message in messages if message["role"] == "user"]
    if asked[-1:] == [ASK_FOR_TITLE]:
        return _title(asked[0])
    if asked[-1:] == [ASK_TO_GO_ON]:
        asked, messages = asked[:-1], messages[:-1]
    written = messages[-1]["content"] if messages[-1]["role"] == "assistant" else ""
    return _reply(asked[-1] if asked else "").removeprefix(written) or " "


def _title(asked: str) -> str:
    """The first words that carry the topic."""
    words = SMALL_TALK.sub("", " ".join(asked.split())).split()[:TITLE_WORDS]
    title = SMALL_WORDS.sub("", " ".join(words)).strip(".,:;!?")
    return title[:1].upper() + title[1:] or "A first try"


def _reply(asked: str) -> str:
    question = " ".join(asked.split())
    if len(question) > LONGEST_QUOTE:
        question = question[:LONGEST_QUOTE].rstrip() + "…"
    return REPLY.format(question=re.sub(r"([\\`*_\[\]<>#|~$])", r"\\\1", question))


def _chunk(
    delta: dict | None, *, finish_reason: str | None = None, usage: dict | None = None
) -> dict:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-demo",
        "object": "chat.completion.chunk",
        "created": int(time()),
        "model": MODEL,
        "choices": [choice] if delta is not None else [],
        "usage": usage,
    }
