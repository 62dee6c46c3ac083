"""What is stored: conversations, their messages, and the pieces of replies being written.

A reply is a message of the assistant. While it runs, its text is `text` followed by its pieces;
when it settles, one transaction writes the whole to `text` and deletes the pieces.
"""

from .conversation import TITLE_CHARS, Conversation, ReplyRunning
from .keeping import PINNED_AT_MOST, UNDO_FOR, TooManyPinned
from .message import MAX_TAKEOVERS, Message, Piece
from .person import Preferences, Preset
from .sharing import NothingToShare
from .versions import number_versions
from .writer import Writer

__all__ = [
    "MAX_TAKEOVERS",
    "PINNED_AT_MOST",
    "TITLE_CHARS",
    "UNDO_FOR",
    "Conversation",
    "Message",
    "NothingToShare",
    "Piece",
    "Preferences",
    "Preset",
    "ReplyRunning",
    "TooManyPinned",
    "Writer",
    "number_versions",
]
