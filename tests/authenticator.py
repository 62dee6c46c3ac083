"""The app on a person's phone, as RFC 6238 has it: six digits, a new code every 30 seconds."""

import base64
import hmac
import time

PERIOD = 30  # seconds
LEFT = 5  # seconds that a code should still be good for


def code(secret):
    """What the app shows; waits for the next one where this one is about to go."""
    left = PERIOD - time.time() % PERIOD
    if left < LEFT:
        time.sleep(left)
    counter = int(time.time()) // PERIOD
    digest = hmac.digest(base64.b32decode(secret), counter.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
