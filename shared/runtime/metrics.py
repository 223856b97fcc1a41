"""What a service counts and measures, in a registry of its own."""

import math
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ServiceMetrics:
    """The figures that every service shows; labels come from closed sets only."""

    def __init__(self, service: str, version: str) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.service = service
        self.facts = Counter("scalpbot_consumer_facts_total", "Facts handled", registry=self.registry)
        self.duplicates = Counter(
            "scalpbot_inbox_duplicates_total", "Facts that were handled before", registry=self.registry
        )
        self.repairs = Counter(
            "scalpbot_inbox_repairs_total", "Batches read from the producer's table", registry=self.registry
        )
        self.batch_seconds = Histogram(
            "scalpbot_consumer_batch_seconds",
            "From taking a batch to its commit",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.failures = Counter(
            "scalpbot_consumer_failures_total", "Batches that failed and were tried again", registry=self.registry
        )
        self.reconnects = Counter(
            "scalpbot_bus_reconnects_total", "Connections made anew", ["role"], registry=self.registry
        )
        self.deliveries = Counter("scalpbot_bus_deliveries_total", "Messages delivered", registry=self.registry)
        self.redeliveries = Counter(
            "scalpbot_bus_redeliveries_total", "Messages that may have been delivered before", registry=self.registry
        )
        self.dead_lettered = Counter(
            "scalpbot_dead_lettered_total", "Messages that could not be understood", registry=self.registry
        )
        self.published = Counter(
            "scalpbot_outbox_published_total", "Messages that were confirmed", registry=self.registry
        )
        self.publish_failures = Counter(
            "scalpbot_outbox_failures_total", "Publications to be tried again", registry=self.registry
        )
        self.outbox_pending = Gauge("scalpbot_outbox_pending", "Messages waiting to be sent", registry=self.registry)
        self.candles = Counter("scalpbot_ingest_candles_total", "Candles stored", registry=self.registry)
        self.news_age, self.news_failures = _news(self.registry)
        self._measure_live_feed()
        self.prices_streaming = Gauge(
            "scalpbot_prices_streaming", "1 while prices stream, 0 while they are asked for", registry=self.registry
        )
        self.price_stream_failures = Counter(
            "scalpbot_price_stream_failures_total", "Times that the stream of prices broke", registry=self.registry
        )
        self.last_quote = Gauge(
            "scalpbot_last_quote_timestamp_seconds", "Time of a pair's newest price", ["pair"], registry=self.registry
        )
        self._measure_commands()
        self._measure_anchors()
        self.lease_held = Gauge("scalpbot_lease_held", "1 while this instance leads", registry=self.registry)
        self.lease_epoch = Gauge("scalpbot_lease_epoch", "Epoch of the lease last held", registry=self.registry)
        self.progress = Gauge(
            "scalpbot_loop_progress_timestamp_seconds", "When the loop last went round", registry=self.registry
        )
        self.build = Gauge("scalpbot_build_info", "Always 1", ["service", "version"], registry=self.registry)
        self.build.labels(service, version).set(1)
        self.progress.set_to_current_time()

    def _measure_commands(self) -> None:
        """Measure what an executor has to tell of commands."""
        self.commands = Counter(
            "scalpbot_commands_total", "Commands of operators that ended", ["type", "status"], registry=self.registry
        )
        self.commands_pending = Gauge(
            "scalpbot_commands_pending", "Commands that waited when last looked for", registry=self.registry
        )
        self.oldest_pending = Gauge(
            "scalpbot_commands_oldest_pending_age_seconds", "Age of the first of them", registry=self.registry
        )

    def _measure_anchors(self) -> None:
        """Measure what the process that keeps the ledger has to tell of anchors."""
        self.anchored_id = Gauge(
            "scalpbot_audit_anchored_id", "Audit record that the newest anchor reaches", registry=self.registry
        )
        self.anchored_time = Gauge(
            "scalpbot_audit_anchor_timestamp_seconds",
            "When the audit log was last known to be anchored up to its end",
            registry=self.registry,
        )
        self.anchor_failures = Counter(
            "scalpbot_audit_anchor_failures_total", "Anchors that could not be written", registry=self.registry
        )

    def _measure_live_feed(self) -> None:
        """Measure what only an ingest on a live feed has to tell; pairs are those of the command line."""
        self.last_candle = Gauge(
            "scalpbot_last_candle_timestamp_seconds", "End of the newest live candle", ["pair"], registry=self.registry
        )
        self.feed_answered = Gauge(
            "scalpbot_feed_answer_timestamp_seconds", "When the feed last answered in full", registry=self.registry
        )
        self.feed_age = Gauge(
            "scalpbot_feed_age_seconds", "Since the feed last answered in full", registry=self.registry
        )
        self.feed_errors = Counter(
            "scalpbot_feed_errors_total", "Questions that the feed did not answer", registry=self.registry
        )
        self.clock_skew = Gauge(
            "scalpbot_feed_clock_skew_seconds",
            "How far this machine's clock is ahead of the feed's",
            registry=self.registry,
        )
        self.rejected_candles = Counter(
            "scalpbot_ingest_rejected_candles_total", "Candles that were set aside", ["pair"], registry=self.registry
        )
        self.gap_seconds = Counter(
            "scalpbot_ingest_gap_seconds_total",
            "Time of the open market whose candles are missing or were back-filled",
            ["kind"],
            registry=self.registry,
        )


def _news(registry: CollectorRegistry) -> tuple[Gauge, Counter]:
    """Return the age of the economic calendar of a live run, NaN where none is fetched, and the tries in vain."""
    age = Gauge(
        "scalpbot_news_calendar_age_seconds", "Age of the economic calendar, NaN without one", registry=registry
    )
    age.set(math.nan)
    return age, Counter("scalpbot_news_calendar_failures_total", "Fetches of the calendar in vain", registry=registry)
