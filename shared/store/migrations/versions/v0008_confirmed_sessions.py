"""Sessions with an id to name them by, an address, and until when they count as confirmed; all sessions end here."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from shared.store.types import UtcInstant

revision: Final = "0008"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None

_Identity: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table of sessions anew: whoever is signed in signs in again, once."""
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text, primary_key=True, nullable=False),
        _required("id", sa.Text),
        sa.Column("user_id", _Identity, sa.ForeignKey("users.id", name="fk_sessions_user_id"), nullable=False),
        _required("csrf_token", sa.Text),
        _required("address", sa.Text),
        _required("created_at", UtcInstant),
        _required("confirmed_until", UtcInstant),
        _required("idle_at", UtcInstant),
        _required("expires_at", UtcInstant),
        sa.Column("revoked_at", UtcInstant, nullable=True),
        sa.UniqueConstraint("id", name="uq_sessions_id"),
        sa.CheckConstraint("length(token_hash) = 64", name="ck_sessions_token_hash"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
