"""What the process that keeps the ledger measures of anchors."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class AnchorMetrics:
    """The figures of anchors."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin at zero."""
        self.anchored_id = Gauge(
            "scalpbot_audit_anchored_id", "Audit record that the newest anchor reaches", registry=registry
        )
        self.anchored_time = Gauge(
            "scalpbot_audit_anchor_timestamp_seconds",
            "When the audit log was last known to be anchored up to its end",
            registry=registry,
        )
        self.failures = Counter(
            "scalpbot_audit_anchor_failures_total", "Anchors that could not be written", registry=registry
        )
