"""The one place that knows the openai client: messages in, deltas out, ProviderError on failure."""

from .client import Messages, Provider
from .errors import ProviderError
from .reading import Delta, clean

__all__ = ["Delta", "Messages", "Provider", "ProviderError", "clean"]
