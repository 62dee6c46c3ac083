"""The one place that knows the openai client: messages in, parts out, ProviderError on failure."""

from .answer import Answer
from .cleaning import clean
from .client import Messages, Provider
from .clients import ChosenClient
from .errors import Fault, ProviderError
from .reading import Delta

__all__ = [
    "Answer",
    "ChosenClient",
    "Delta",
    "Fault",
    "Messages",
    "Provider",
    "ProviderError",
    "clean",
]
