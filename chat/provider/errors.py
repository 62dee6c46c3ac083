"""Provider errors: our own text for users, and a log line that never quotes the provider.

The text is stored with the reply and translated for each reader, so it contains no names and no
numbers.
"""

import re
from enum import Enum, auto
from typing import Any, NamedTuple

import openai
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from ..conf import ProviderConf

MINUTE = 60.0  # seconds
ID_CHARS = 64  # of a request's id
KEY_PART = 8  # consecutive characters of the key that must never be logged
KEY_HEADERS = ("authorization", "api-key")  # OpenAI's, also used by its clones; Azure's
SAID_CHARS = 2_000  # of a provider's error body; the rest is ignored
OVERLOADED = 529  # Anthropic's
# 4xx that say something of the request itself: any other model would get the same one.
OF_THE_REQUEST = (400, 411, 415, 422, 431, 451)

# Lower-case error phrases for a chat that exceeds the model's context.
TOO_LONG = (
    "context_length_exceeded",  # OpenAI's code, and its clones'
    "string_above_max_length",  # OpenAI, of one message
    "maximum context length",  # OpenAI, vLLM, Mistral, OpenRouter, DeepSeek
    "input tokens exceed",  # OpenAI
    "request too large",  # OpenAI and Groq, with 429 and 413
    "maximum model length",  # vLLM
    "exceed_context_size_error",  # llama.cpp's type
    "available context size",  # llama.cpp
    "context size has been exceeded",  # llama.cpp with 500, LM Studio
    "exceed context window",  # llama-cpp-python
    "exceeds the context length",  # Ollama
    "too large for model with",  # Mistral
    "prompt is too long",  # Anthropic
    "exceed context limit",  # Anthropic, with the tokens of the reply
    "input is too long",  # Bedrock
    "input token count",  # Gemini
    "maximum prompt length",  # xAI
    "tokens + `max_new_tokens`",  # TGI
)
USED_UP = (
    "insufficient_quota",  # OpenAI's code and type
    "billing_hard_limit_reached",  # OpenAI
    "credit balance is too low",  # Anthropic, with 400
)
BUSY = ("rate_limit", "rate limit", "overloaded", "too many requests")
# Of a model that is not there, if it is not told by 404.
NO_MODEL = (
    "model_not_found",  # OpenAI's code
    "not a valid model id",  # OpenRouter, with 400
    "invalid_model",  # Mistral's type, with 400
)
# Of content that the provider refuses.
REFUSED = (
    "content_filter",  # Azure's code, with 400
    "responsibleaipolicyviolation",  # Azure's inner code
    "content_policy_violation",  # OpenAI's code
    "requires moderation",  # OpenRouter, with 403
    "moderation_blocked",  # OpenAI's code
    "data_inspection_failed",  # Alibaba's code
)
BAD_REQUEST = ("invalid_request_error", "badrequesterror")  # OpenAI's type; vLLM's, in the stream


class Fault(Enum):
    """Whose it is that no reply came: so another model is asked, or not."""

    REQUEST = auto()  # every model would get the same one
    MODEL = auto()  # others of this provider may answer
    PROVIDER = auto()


class Trouble(NamedTuple):
    """What is wrong with a provider, and what staff can do about it."""

    text: str  # in English; `%(setting)s` is the setting to check
    option: str = ""  # the field of ProviderConf that this setting is for

    def told(self, provider: ProviderConf) -> str:
        """In the language of the request. Settings keep their names in every language."""
        return gettext(self.text) % {"setting": provider.setting(self.option)}

    def logged(self, provider: ProviderConf) -> str:
        return self.text % {"setting": provider.setting(self.option)}


KEY_REFUSED = _("The model's server refused this site's key. Please tell the site's staff.")
REDIRECTED = _("The model's server sends this site elsewhere. Please tell the site's staff.")
UNENCRYPTED = _("The way to the model's server is not encrypted. Please tell the site's staff.")
QUOTA = _("This site's quota for the model is used up. Please tell the site's staff.")
FOR_STAFF = {  # what these say to the staff themselves
    KEY_REFUSED: Trouble(_("The provider refused the key. Check %(setting)s."), "KEY"),
    REDIRECTED: Trouble(_("The provider answers with a redirect. Check %(setting)s."), "URL"),
    UNENCRYPTED: Trouble(
        _("The way to the provider is not encrypted. Use https in %(setting)s."), "URL"
    ),
    QUOTA: Trouble(_("The quota at the provider is used up. Check your account there.")),
}


class ProviderError(Exception):
    """The provider gave no (complete) reply. `text` is English, for users, and never
    quotes the provider."""

    def __init__(
        self,
        text: str,
        log: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        fault: Fault = Fault.PROVIDER,
    ) -> None:
        super().__init__(log)
        self.text = text
        self.fault = fault
        self.retryable = retryable  # a retry may succeed
        self.retry_after = retry_after  # seconds, if the provider said so


def stalled(log: str = "timed out", *, retryable: bool = False) -> ProviderError:
    text = _("The model stopped answering. Try again, or choose another model.")
    return ProviderError(text, log, retryable=retryable)


def cut(log: str) -> ProviderError:
    return ProviderError(
        _("The connection to the model was lost before its reply was finished."),
        f"cut: {log}",
        retryable=True,
    )


def garbage(log: str, *, retryable: bool = False) -> ProviderError:
    return ProviderError(
        _("The model's server sent something that is not a reply. Try again in a moment."),
        f"garbage: {log}",
        retryable=retryable,
    )


def too_long(log: str) -> ProviderError:
    text = _(
        "This chat has become too long for the model. Start a new chat, or choose another model."
    )
    return ProviderError(text, log, fault=Fault.REQUEST)


def rejected(log: str, *, fault: Fault = Fault.REQUEST, **more: Any) -> ProviderError:
    text = _("The provider rejected the request. Try again, or choose another model.")
    return ProviderError(text, log, fault=fault, **more)


def filtered(log: str) -> ProviderError:
    text = _("The model's content filter ended the reply.")
    return ProviderError(text, f"{log}, content refused", fault=Fault.REQUEST)


def open_on_the_way() -> ProviderError:
    """Nothing was sent."""
    log = (
        "not asked: its address is plain http to another machine. Use https, or set "
        "CHAT_PLAIN_HTTP=on if the network in between is your own."
    )
    return ProviderError(UNENCRYPTED, log)


def told(data: bytes) -> ProviderError:
    """An error in the stream."""
    said = data[:SAID_CHARS].decode(errors="replace")
    if _says(said, TOO_LONG):
        return too_long("context overflow told in the stream")
    if _says(said, REFUSED):
        return filtered("error in the stream")
    if _says(said, BAD_REQUEST) and not _says(said, USED_UP):
        return rejected("bad request told in the stream")
    return garbage("error in the stream", retryable=True)


def refused(error: Exception, provider: ProviderConf) -> ProviderError:
    """What the client raises before the body begins."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, error.response.text[:SAID_CHARS], provider)
    text = _("The model's server cannot be reached. Try again in a moment.")
    return ProviderError(text, type(error).__name__, retryable=True)


def _of_status(error: openai.APIStatusError, said: str, provider: ProviderConf) -> ProviderError:
    status, log, wait = error.status_code, _for_log(error), _retry_after(error)
    if status < 300:
        return garbage(log)
    if status < 400:
        where = provider.setting("URL")
        return ProviderError(REDIRECTED, f"{log}. No redirect is followed: check {where}.")
    if _says(said, REFUSED):
        return filtered(log)
    if status in (401, 403):
        where = provider.setting("KEY")
        return ProviderError(KEY_REFUSED, f"{log}. The provider refused the key. Check {where}.")
    if status == 404 or _says(said, NO_MODEL):
        text = _("The model is not there any more. Choose another one.")
        return ProviderError(text, log, fault=Fault.MODEL)
    if status == 402 or _says(said, USED_UP):
        return ProviderError(QUOTA, f"{log}. The provider's quota is used up.")
    if status == 413 or _says(said, TOO_LONG):
        return too_long(f"{log}, context overflow")
    if status == 408:
        return stalled(log, retryable=True)
    if status in (429, OVERLOADED):
        text = _busy(status, said, wait)
        return ProviderError(text, log, retryable=True, retry_after=wait)
    if status < 500:
        fault = Fault.REQUEST if status in OF_THE_REQUEST else Fault.PROVIDER
        return rejected(log, fault=fault, retryable=status == 409, retry_after=wait)
    text = _("The model's server has a problem. Try again in a moment.")
    return ProviderError(text, log, retryable=True, retry_after=wait)


def _busy(status: int, said: str, wait: float | None) -> str:
    if (wait or 0) > MINUTE:
        return _("The model is busy. Try again later.")
    if wait is not None or status == OVERLOADED or _says(said, BUSY):
        return _("The model is busy. Try again in a minute.")
    return _("The model is busy or its quota is used up. Try again in a minute.")


def _says(said: str, phrases: tuple[str, ...]) -> bool:
    said = said.lower()
    return any(phrase in said for phrase in phrases)


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _for_log(error: openai.APIStatusError) -> str:
    """Class, status and request id: the provider's text may hold the key or the prompt."""
    request = _tidy(error.request_id or "")
    keys = [error.request.headers.get(name, "") for name in KEY_HEADERS]
    if any(_has_part_of(_tidy(key.removeprefix("Bearer ")), request) for key in keys):
        request = "withheld"
    return f"{type(error).__name__} {error.status_code}, request {request[:ID_CHARS] or 'unknown'}"


def _has_part_of(key: str, said: str) -> bool:
    """A key may be echoed truncated."""
    size = min(len(key), KEY_PART)
    parts = {key[start : start + size] for start in range(len(key) - size + 1)} - {""}
    return any(part in said for part in parts)


def _tidy(id: str) -> str:
    return re.sub(r"[^\w.-]", "", id[:SAID_CHARS], flags=re.ASCII)
