"""Say which parts of the product are changed, and which tests meet them."""

from typing import Final, NamedTuple


class Scope(NamedTuple):
    """Sources, and tests that meet them in one process: a mutant does not live in others. PostgreSQL is shared."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]


# What decides over money, over who may act, and over what can be proved later.
SCOPES: Final = {
    "core": Scope(
        ("shared/core",),
        (
            "tests/unit/core",
            "tests/property/test_core_account.py",
            "tests/property/test_core_money.py",
            "tests/property/test_core_ranking.py",
            "tests/parity",
            "tests/integration/platform/test_paper_run.py",
        ),
    ),
    "calendar": Scope(
        ("shared/calendar", "services/ingest/gaps.py"),
        (
            "tests/unit/calendar",
            "tests/unit/ingest",
            "tests/unit/backtest/test_fx_days.py",
            "tests/property/test_calendar_columns.py",
        ),
    ),
    "executor": Scope(
        ("services/executor",),
        ("tests/unit/executor", "tests/integration/executor", "tests/integration/platform/test_paper_run.py"),
    ),
    "leases": Scope(
        (
            "shared/runtime/lease.py",
            "shared/store/sql/leases.py",
            "shared/store/file_lock.py",
            "services/platform/sole_trader.py",
        ),
        (
            "tests/unit/runtime",
            "tests/contract",
            "tests/integration/platform/test_sole_trader.py",
            "tests/integration/store/test_lease_takeover.py",
        ),
    ),
    "inbox": Scope(("shared/runtime/inbox.py", "shared/runtime/consumer.py"), ("tests/unit/runtime",)),
    "audit": Scope(
        ("shared/store/sql/audit.py", "shared/anchors"),
        (
            "tests/unit/anchors",
            "tests/unit/store",
            "tests/contract",
            "tests/integration/anchors",
            "tests/integration/executor/test_restored.py",
            "tests/integration/inspection",
            "tests/integration/store/test_audit_tampering.py",
        ),
    ),
    "guard": Scope(
        ("services/api/security",), ("tests/integration/api", "tests/integration/crowds/test_hash_turns.py")
    ),
}
