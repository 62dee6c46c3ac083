"""Password hashing: Argon2, with parameters that withstand many logins at once."""

import os
from threading import BoundedSemaphore
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher

TURNS = BoundedSemaphore(os.cpu_count() or 1)


class Argon2(Argon2PasswordHasher):
    """OWASP's parameters (Password Storage Cheat Sheet): 19 MiB, two passes, one lane.

    Django's default takes 100 MiB for each password, so a burst of logins could exhaust the memory.
    At most one per processor is computed at a time; more would not be faster.
    """

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, *arguments: Any) -> str:
        with TURNS:
            return super().encode(*arguments)

    def verify(self, *arguments: Any) -> bool:
        with TURNS:
            return super().verify(*arguments)
