"""Signals of replies: connect receivers, sync or async, in `AppConfig.ready`.

Both are sent with sender=Message and reply=the reply as it is then, its conversation and user
loaded. They are sent at least once, even if the process that stored it dies: docs/django.md.
"""

from collections.abc import Callable, Container
from functools import partial
from itertools import chain, count

from django.apps import apps
from django.dispatch import Signal

reply_begun = Signal(use_caching=True)  # for the first time, again or further
reply_settled = Signal(use_caching=True)  # it has ended, in whichever way

SIGNALS = {"begun": reply_begun, "settled": reply_settled}


def receivers(what: str) -> dict[str, Callable]:
    """The receivers in this process, by names that are the same in all processes."""
    signal = SIGNALS[what]
    if not signal.receivers:  # asked for each reply
        return {}
    sender = apps.get_model("chat", "Message")
    named: dict[str, Callable] = {}
    for receiver in chain.from_iterable(signal._live_receivers(sender)):
        name = _free_name(receiver, named)
        named[name] = partial(receiver, signal=signal, sender=sender)
    return named


def _free_name(receiver: Callable, taken: Container[str]) -> str:
    """Its dotted path; numbered if several share it."""
    named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
    path = f"{named.__module__}.{named.__qualname__}"
    numbered = (f"{path} ({number})" for number in count(2))
    return next(name for name in chain([path], numbered) if name not in taken)
