"""What goes wrong with a request, as clients see it."""

from __future__ import annotations

import msgspec

__all__ = ["PROBLEMS", "Problem"]

PROBLEMS = {
    400: "bad_request",
    401: "no_key",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    409: "no_model",
    413: "too_large",
    415: "unsupported_media_type",
    421: "wrong_host",
    422: "invalid",
    429: "too_many",
    500: "internal",
    503: "not_ready",
    507: "not_stored",
}
"""Status to the code that the body repeats."""


MOST = 2000
"""Characters of a message: it may repeat what the request held."""


class Problem(Exception):
    """A request that gets no other answer than this.

    Parameters
    ----------
    status
        One of `PROBLEMS`.
    message
        What was wrong, what was expected and what to do.
    headers
        What else the answer has.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}

    def body(self) -> bytes:
        """Return the answer's body, JSON."""
        error = {"code": PROBLEMS.get(self.status, "error"), "message": str(self)[:MOST]}
        return msgspec.json.encode({"error": error})
