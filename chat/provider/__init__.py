"""The one place that knows the openai client: messages in, parts out, ProviderError on failure."""

from .answer import Answer
from .cleaning import clean
from .client import Messages, Provider
from .clients import ChosenClient
from .errors import FOR_STAFF, Fault, ProviderError
from .looking import Listed
from .reading import Delta

__all__ = [
    "FOR_STAFF",
    "Answer",
    "ChosenClient",
    "Delta",
    "Fault",
    "Listed",
    "Messages",
    "Provider",
    "ProviderError",
    "clean",
]
