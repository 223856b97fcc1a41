"""What is measured of prices, by whoever receives them."""

from prometheus_client import CollectorRegistry, Gauge


class QuoteMetrics:
    """The figures of prices; pairs are those of the command line."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin without prices."""
        self.last_quote = Gauge(
            "scalpbot_last_quote_timestamp_seconds", "Time of a pair's newest price", ["pair"], registry=registry
        )
