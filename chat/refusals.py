"""A request that is turned down, with a message for the person who made it."""

from collections.abc import Callable

from django.http import HttpResponse


class Refused(Exception):
    """Nothing was stored, or it is unknown whether. `text` says why, and what to do about it.

    `status` is the HTTP status, `retry_after` the seconds until another try may succeed. People are
    shown the text on `page`, a URL or a callable that renders one; otherwise on an error page.
    """

    def __init__(
        self,
        text: str,
        status: int = 400,
        retry_after: int | None = None,
        *,
        page: "str | Callable[[Refused], HttpResponse] | None" = None,
    ) -> None:
        super().__init__(text)
        self.text, self.status, self.retry_after = str(text), status, retry_after
        self.page = page
