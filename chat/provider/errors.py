"""What can go wrong at the provider, in our words for people, and without its words for the log.

The words are stored with the reply and translated for whoever reads them, so they hold no names and
no numbers.
"""

import openai
from django.utils.translation import gettext_noop as _

MINUTE = 60.0  # seconds


class ProviderError(Exception):
    """The provider gave no (whole) reply. `text` is for people, in English, and holds nothing
    of its words."""

    def __init__(
        self, text: str, log: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(log)
        self.text = text
        self.retryable = retryable  # another try may succeed
        self.retry_after = retry_after  # seconds, if the provider said so


def stalled() -> ProviderError:
    return ProviderError(
        _("The model stopped answering. Try again, or choose another model."), "timed out"
    )


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


def refused(error: openai.OpenAIError) -> ProviderError:
    """What the client raises before the body begins."""
    if not isinstance(error, openai.APIStatusError):
        text = _("The model's server cannot be reached. Try again in a moment.")
        return ProviderError(text, for_log(error), retryable=True)
    wait = _retry_after(error)
    status = error.status_code
    if status in (401, 403):
        text = _("The model's server refused this site's key. Please tell the site's staff.")
    elif status == 404:
        text = _("The model is not there any more. Choose another one.")
    elif status == 429 and (wait or 0) > MINUTE:
        text = _("The model has too much to do. Try again later.")
    elif status == 429:
        text = _("The model has too much to do. Try again in a minute.")
    elif status < 500:
        text = _("The model's server did not accept this conversation. Try a shorter message.")
    else:
        text = _("The model's server has a problem. Try again in a moment.")
    retryable = status in (408, 409, 429) or status >= 500
    return ProviderError(text, for_log(error), retryable=retryable, retry_after=wait)


def _retry_after(error: openai.APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def for_log(error: Exception) -> str:
    """Class, status and request id: the provider's text may hold the key or the prompt."""
    if isinstance(error, openai.APIStatusError):
        return f"{type(error).__name__} {error.status_code}, request {error.request_id}"
    return type(error).__name__
