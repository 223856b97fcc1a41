"""Users, their sessions and attempts to sign in; indexes for reading long lists page by page."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import UtcInstant

revision: Final = "0006"
down_revision: Final = "0005"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables and the indexes."""
    op.create_table(
        "users",
        sa.Column("id", _Identity, primary_key=True, autoincrement=True),
        _required("name", sa.Text),
        _required("role", sa.Text),
        _required("password_hash", sa.Text),
        _required("disabled", sa.Boolean(create_constraint=False)),
        _required("created_at", UtcInstant),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_users_role"),
        sa.CheckConstraint("password_hash LIKE '$argon2id$%'", name="ck_users_password_hash"),
    )
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text, primary_key=True, nullable=False),
        sa.Column("user_id", _Identity, sa.ForeignKey("users.id", name="fk_sessions_user_id"), nullable=False),
        _required("csrf_token", sa.Text),
        _required("created_at", UtcInstant),
        _required("idle_at", UtcInstant),
        _required("expires_at", UtcInstant),
        sa.Column("revoked_at", UtcInstant, nullable=True),
        sa.CheckConstraint("length(token_hash) = 64", name="ck_sessions_token_hash"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "login_attempts",
        sa.Column("subject", sa.Text, primary_key=True, nullable=False),
        _required("tries", sa.BigInteger),
        _required("last_at", UtcInstant),
        _required("wait_until", UtcInstant),
    )
    op.create_index("ix_gate_snapshots_candle_time", "gate_snapshots", ["candle_time", "seq"])
    op.create_index("ix_trades_entry_time", "trades", ["entry_time", "number"])
    op.create_index("ix_trades_pair_entry_time", "trades", ["pair", "entry_time", "number"])
    op.create_index("ix_equity_ts_utc", "equity", ["ts_utc", "id"])
    op.create_index("ix_audit_log_ts_utc", "audit_log", ["ts_utc", "id"])


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
