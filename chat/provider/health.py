"""Which providers fail again and again. Known to this process only, and soon forgotten."""

from collections import defaultdict, deque
from collections.abc import Callable
from functools import partial
from time import monotonic

FAILURES = 5
WITHIN = 30.0  # seconds
SHUNNED = 30.0  # seconds since the last failure


class Health:
    """One per process. `clock` tells seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failed = defaultdict(partial(deque, maxlen=FAILURES))  # when, by provider

    def failed(self, provider: str) -> None:
        self._failed[provider].append(self._clock())

    def is_poor(self, provider: str) -> bool:
        """Whether it is better asked last: it has failed FAILURES times WITHIN seconds."""
        times = self._failed.get(provider, ())
        if len(times) < FAILURES or times[-1] - times[0] > WITHIN:
            return False
        return self._clock() - times[-1] < SHUNNED
