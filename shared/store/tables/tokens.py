"""The table of the tokens by which programs ask on behalf of a user."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from shared.contracts.vocabulary import Role
from shared.store.tables.metadata import METADATA, Identity, identity, one_of, optional, required
from shared.store.types import UtcInstant

# A program's token by its sha256, with no more rights than its user has; `scope` says whether it may change anything.
API_TOKENS: Final = Table(
    "api_tokens",
    METADATA,
    identity(),
    Column("user_id", Identity, ForeignKey("users.id", name="fk_api_tokens_user_id"), nullable=False),
    *required(Text, "name", "token_hash", "role", "scope"),
    *required(UtcInstant, "created_at", "expires_at"),
    *optional(UtcInstant, "used_at", "revoked_at"),
    UniqueConstraint("token_hash", name="uq_api_tokens_token_hash"),
    one_of("role", Role, "ck_api_tokens_role"),
    one_of("scope", ("read", "command"), "ck_api_tokens_scope"),
    CheckConstraint("length(token_hash) = 64", name="ck_api_tokens_token_hash"),
    Index("ix_api_tokens_user_id", "user_id"),
)
