"""A second factor of users: a device that shows codes, and recovery codes."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from shared.store.tables.metadata import Identity, optional, required
from shared.store.types import UtcInstant

revision: Final = "0014"
down_revision: Final = "0013"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "second_factors",
        sa.Column(
            "user_id",
            Identity,
            sa.ForeignKey("users.id", name="fk_second_factors_user_id"),
            primary_key=True,
            nullable=False,
            autoincrement=False,
        ),
        *required(sa.Text, "secret"),
        *required(sa.BigInteger, "last_step"),
        *optional(UtcInstant, "confirmed_at"),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.Text, primary_key=True, nullable=False),
        sa.Column("user_id", Identity, sa.ForeignKey("users.id", name="fk_recovery_codes_user_id"), nullable=False),
        sa.CheckConstraint("length(code_hash) = 64", name="ck_recovery_codes_code_hash"),
        sa.Index("ix_recovery_codes_user_id", "user_id"),
    )
