"""Tokens by which programs ask on behalf of a user."""

from typing import Final

import sqlalchemy as sa
from alembic import op

from shared.store.tables.metadata import Identity, identity, optional, required
from shared.store.types import UtcInstant

revision: Final = "0013"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "api_tokens",
        identity(),
        sa.Column("user_id", Identity, sa.ForeignKey("users.id", name="fk_api_tokens_user_id"), nullable=False),
        *required(sa.Text, "name", "token_hash", "role", "scope"),
        *required(UtcInstant, "created_at", "expires_at"),
        *optional(UtcInstant, "used_at", "revoked_at"),
        sa.UniqueConstraint("token_hash", name="uq_api_tokens_token_hash"),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'admin')", name="ck_api_tokens_role"),
        sa.CheckConstraint("scope IN ('read', 'command')", name="ck_api_tokens_scope"),
        sa.CheckConstraint("length(token_hash) = 64", name="ck_api_tokens_token_hash"),
        sa.Index("ix_api_tokens_user_id", "user_id"),
    )
