"""The tables of those who may sign in, of their sessions, and of attempts to."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from shared.contracts.vocabulary import Role
from shared.store.tables.metadata import METADATA, Identity, one_of, optional, required
from shared.store.types import UtcInstant

# Who may sign in; a user is disabled and never deleted, because the audit log names them.
USERS: Final = Table(
    "users",
    METADATA,
    Column("id", Identity, primary_key=True, autoincrement=True),
    *required(Text, "name", "role", "password_hash"),
    *required(Boolean(create_constraint=False), "disabled"),
    *required(UtcInstant, "created_at"),
    UniqueConstraint("name", name="uq_users_name"),
    one_of("role", Role, "ck_users_role"),
    CheckConstraint("password_hash LIKE '$argon2id$%'", name="ck_users_password_hash"),
)

# Who is signed in, by the sha256 of the token that the browser has, until it is idle for too long or its time is over;
# people name a session by its id, which opens nothing.
SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("token_hash", Text, primary_key=True, nullable=False),
    *required(Text, "id"),
    Column("user_id", Identity, ForeignKey("users.id", name="fk_sessions_user_id"), nullable=False),
    *required(Text, "address"),
    *required(UtcInstant, "created_at", "confirmed_until", "idle_at", "expires_at"),
    *optional(UtcInstant, "revoked_at"),
    UniqueConstraint("id", name="uq_sessions_id"),
    CheckConstraint("length(token_hash) = 64", name="ck_sessions_token_hash"),
    Index("ix_sessions_user_id", "user_id"),
    Index("ix_sessions_expires_at", "expires_at"),
)

# How often somebody lately tried to sign in as a name or from an address, and until when they have to wait.
LOGIN_ATTEMPTS: Final = Table(
    "login_attempts",
    METADATA,
    Column("subject", Text, primary_key=True, nullable=False),
    *required(BigInteger, "tries"),
    *required(UtcInstant, "last_at", "wait_until"),
)
