"""What ingest counts and measures; pairs are those of the command line."""

import math

from prometheus_client import CollectorRegistry, Counter, Gauge


class IngestMetrics:
    """The figures of every ingest."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.candles = Counter("scalpbot_ingest_candles_total", "Candles stored", registry=registry)


class ReplayMetrics:
    """The figures of an ingest that replays candles in a process of its own, and waits for those who trade them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin with nobody behind."""
        self.not_traded = Gauge(
            "scalpbot_ingest_not_traded_candles",
            "Candles that were stored and not yet traded when last looked for",
            registry=registry,
        )


class FeedMetrics:
    """The figures of an ingest on a live feed: its candles, prices and news."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero, without a calendar."""
        self.last_candle = Gauge(
            "scalpbot_last_candle_timestamp_seconds", "End of the newest live candle", ["pair"], registry=registry
        )
        self.feed_answered = Gauge(
            "scalpbot_feed_answer_timestamp_seconds", "When the feed last answered in full", registry=registry
        )
        self.feed_age = Gauge("scalpbot_feed_age_seconds", "Since the feed last answered in full", registry=registry)
        self.feed_refused = Gauge(
            "scalpbot_feed_refused_seconds",
            "For how long the feed has refused to answer, 0 while it does not",
            registry=registry,
        )
        self.feed_errors = Counter(
            "scalpbot_feed_errors_total", "Questions that the feed did not answer", registry=registry
        )
        self.clock_skew = Gauge(
            "scalpbot_feed_clock_skew_seconds", "How far this machine's clock is ahead of the feed's", registry=registry
        )
        self.rejected_candles = Counter(
            "scalpbot_ingest_rejected_candles_total", "Candles that were set aside", ["pair"], registry=registry
        )
        self.gap_seconds = Counter(
            "scalpbot_ingest_gap_seconds_total",
            "Time of the open market whose candles are missing or were back-filled",
            ["kind"],
            registry=registry,
        )
        self.prices_streaming = Gauge(
            "scalpbot_prices_streaming", "1 while prices stream, 0 while they are asked for", registry=registry
        )
        self.price_stream_failures = Counter(
            "scalpbot_price_stream_failures_total", "Times that the stream of prices broke", registry=registry
        )
        self.news_age = Gauge(
            "scalpbot_news_calendar_age_seconds", "Age of the economic calendar, NaN without one", registry=registry
        )
        self.news_age.set(math.nan)
        self.news_failures = Counter(
            "scalpbot_news_calendar_failures_total", "Fetches of the calendar in vain", registry=registry
        )
