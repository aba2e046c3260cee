"""What Prometheus reads of a server."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics"]

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """Counters of one server.

    Parameters
    ----------
    documents
        Returns how many documents there are.
    """

    def __init__(self, documents: Callable[[], float]) -> None:
        own = self._registry = CollectorRegistry()
        self._requests = Counter(
            "rarefy_requests", "Requests answered.", ["route", "status"], registry=own
        )
        self._seconds = Histogram(
            "rarefy_request_seconds",
            "Time until an answer.",
            ["route"],
            buckets=SECONDS,
            registry=own,
        )
        self._found: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.running = Gauge(
            "rarefy_requests_running", "Requests that are being answered.", registry=own
        )
        self._batches = Histogram(
            "rarefy_encoded_batch_queries",
            "Queries that were encoded together.",
            buckets=SIZES,
            registry=own,
        )
        held = Gauge("rarefy_documents", "Documents that can be found.", registry=own)
        held.set_function(documents)

    def observe(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        found = self._found.get((route, status))
        if found is None:
            found = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._found[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def observe_batch(self, size: int) -> None:
        """Count queries that were encoded together."""
        self._batches.observe(size)

    def text(self) -> bytes:
        """Return all in Prometheus' text format."""
        return generate_latest(self._registry)
