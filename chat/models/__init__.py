"""What is stored: conversations, their messages, and the pieces of replies being written.

A reply is a message of the assistant, and a log of parts. While it runs, its log is what its row
holds, followed by its pieces; when it settles, one transaction writes all of it to the row.
"""

from .conversation import TITLE_CHARS, Conversation, ReplyRunning
from .keeping import PINNED_AT_MOST, UNDO_FOR, TooManyPinned
from .message import MAX_TAKEOVERS, Message, Piece
from .notice import Notice
from .person import MAX_PRESETS, Preferences, Preset, TooManyPresets
from .rate import Rate
from .sharing import NothingToShare
from .versions import number_versions
from .writer import Writer

__all__ = [
    "MAX_PRESETS",
    "MAX_TAKEOVERS",
    "PINNED_AT_MOST",
    "TITLE_CHARS",
    "UNDO_FOR",
    "Conversation",
    "Message",
    "NothingToShare",
    "Notice",
    "Piece",
    "Preferences",
    "Preset",
    "Rate",
    "ReplyRunning",
    "TooManyPinned",
    "TooManyPresets",
    "Writer",
    "number_versions",
]
