"""The one place that knows the openai client: messages in, deltas out, ProviderError on failure."""

from .answer import Answer
from .client import Messages, Provider
from .errors import ProviderError
from .reading import Delta, clean

__all__ = ["Answer", "Delta", "Messages", "Provider", "ProviderError", "clean"]
