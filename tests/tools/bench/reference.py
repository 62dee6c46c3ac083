"""The usual stack in its corrected tutorial form: FastAPI, uvicorn, AsyncOpenAI. Stores nothing."""

import json
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from openai import AsyncOpenAI
from pydantic import BaseModel

from .provider import MODEL

app = FastAPI()
client = AsyncOpenAI()  # OPENAI_BASE_URL and OPENAI_API_KEY come from the environment


class Prompt(BaseModel):
    message: str


@app.post("/chat")
async def chat(prompt: Prompt) -> StreamingResponse:
    return StreamingResponse(frames(prompt.message), media_type="text/event-stream")


async def frames(message: str) -> AsyncIterator[str]:
    messages = [{"role": "user", "content": message}]
    async with await client.chat.completions.create(
        model=MODEL, messages=messages, stream=True
    ) as chunks:
        async for chunk in chunks:
            if chunk.choices and (content := chunk.choices[0].delta.content):
                yield f"data: {json.dumps({'content': content})}\n\n"
    yield "data: [DONE]\n\n"
