"""Commands of operators and their holds, and the prices at which operators closed positions."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import ExactDecimal, UtcTime, WrittenTime

revision: Final = "0005"
down_revision: Final = "0004"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PURPOSES: Final = "purpose IN ('entry', 'exit', 'operator_close', 'kill_switch')"
_UNFINISHED: Final = "status IN ('PENDING', 'RUNNING')"
_IN_FORCE: Final = "ended_seq IS NULL"
_ENDED_IN_FULL: Final = (
    "(ended_seq IS NULL AND ended_ts_utc IS NULL AND ended_by IS NULL)"
    " OR (ended_seq >= since_seq AND ended_ts_utc IS NOT NULL AND ended_by IS NOT NULL)"
)


def upgrade() -> None:
    """Create commands and holds, find audit records by command, and let commands be the reason of an exit."""
    op.create_table(
        "commands",
        _identity(),
        _required("created_ts_utc", WrittenTime),
        _required("actor", sa.Text),
        _required("type", sa.Text),
        _required("payload_json", sa.Text),
        _required("status", sa.Text),
        _optional("idempotency_key", sa.Text),
        _optional("result_json", sa.Text),
        _optional("expires_ts_utc", WrittenTime),
        _optional("claimed_by", sa.Text),
        _optional("started_ts_utc", WrittenTime),
        _optional("finished_ts_utc", WrittenTime),
        sa.UniqueConstraint("type", "idempotency_key", name="uq_commands_type_idempotency_key"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'RUNNING', 'SUCCEEDED', 'FAILED', 'SKIPPED')", name="ck_commands_status"
        ),
    )
    _partial_index("ix_commands_unfinished", "commands", ["id"], _UNFINISHED)
    op.create_table(
        "holds",
        _identity(),
        _required("scope", sa.Text),
        _required("kind", sa.Text),
        _required("actor", sa.Text),
        _required("since_ts_utc", UtcTime),
        _required("since_seq", sa.BigInteger),
        _optional("command_id", sa.BigInteger),
        _optional("ended_ts_utc", UtcTime),
        _optional("ended_seq", sa.BigInteger),
        _optional("ended_by", sa.Text),
        _optional("ended_command_id", sa.BigInteger),
        sa.CheckConstraint("kind IN ('pause', 'kill_switch')", name="ck_holds_kind"),
        sa.CheckConstraint(_ENDED_IN_FULL, name="ck_holds_ended_in_full"),
    )
    _partial_index("uq_holds_one_in_force", "holds", ["scope", "kind"], _IN_FORCE, unique=True)
    _partial_index("ix_audit_log_command_id", "audit_log", ["command_id"], "command_id IS NOT NULL")
    _let_commands_apply_quotes()


def _let_commands_apply_quotes() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint("ck_applied_quotes_purpose", "applied_quotes", type_="check")
        op.create_check_constraint("ck_applied_quotes_purpose", "applied_quotes", _PURPOSES)
        op.add_column("applied_quotes", _optional("command_id", sa.BigInteger))
        return
    # SQLite changes no constraint of a table; it is written anew.
    op.rename_table("applied_quotes", "applied_quotes_0004")
    op.create_table(
        "applied_quotes",
        _identity(),
        _required("seq", sa.BigInteger),
        _required("purpose", sa.Text),
        _required("pair", sa.Text),
        _required("ts_utc", UtcTime),
        _required("bid", ExactDecimal),
        _required("ask", ExactDecimal),
        _optional("command_id", sa.BigInteger),
        sa.UniqueConstraint("seq", "purpose", "pair", name="uq_applied_quotes_seq_purpose_pair"),
        sa.CheckConstraint(_PURPOSES, name="ck_applied_quotes_purpose"),
    )
    op.execute(
        "INSERT INTO applied_quotes (id, seq, purpose, pair, ts_utc, bid, ask)"
        " SELECT id, seq, purpose, pair, ts_utc, bid, ask FROM applied_quotes_0004 ORDER BY id"
    )
    op.drop_table("applied_quotes_0004")


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _identity() -> sa.Column[int]:
    return sa.Column("id", _Identity, primary_key=True, autoincrement=True)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _optional(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)
