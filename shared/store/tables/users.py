"""The tables of those who may sign in, of their sessions, and of attempts to."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
)

from shared.contracts.vocabulary import Role
from shared.store.tables.metadata import METADATA, Identity, one_of, required
from shared.store.types import UtcInstant

# Who may sign in; a user is disabled and never deleted, because the audit log names them.
USERS: Final = Table(
    "users",
    METADATA,
    Column("id", Identity, primary_key=True, autoincrement=True),
    required("name", Text),
    required("role", Text),
    required("password_hash", Text),
    required("disabled", Boolean(create_constraint=False)),
    required("created_at", UtcInstant),
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
    required("id", Text),
    Column("user_id", Identity, ForeignKey("users.id", name="fk_sessions_user_id"), nullable=False),
    required("csrf_token", Text),
    required("address", Text),
    required("created_at", UtcInstant),
    required("confirmed_until", UtcInstant),
    required("idle_at", UtcInstant),
    required("expires_at", UtcInstant),
    Column("revoked_at", UtcInstant, nullable=True),
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
    required("tries", BigInteger),
    required("last_at", UtcInstant),
    required("wait_until", UtcInstant),
)
