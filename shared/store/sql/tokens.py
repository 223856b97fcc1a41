"""Tokens of programs, by the database's clock: alive until they are revoked or over, or their user is disabled."""

from sqlalchemy import ColumnElement, insert, select, update

from shared.store.clock import DatabaseClock, DatabaseClockAfter
from shared.store.rows.tokens import NewToken, TokenRow, UsedToken
from shared.store.sql.session import Session
from shared.store.tables.tokens import API_TOKENS
from shared.store.tables.users import USERS


class TokenSession(Session):
    """Read and write tokens."""

    def token(self, token_hash: str) -> UsedToken | None:
        """Join token and user by the unique index on the hash, and read the clock, in one statement."""
        columns = API_TOKENS.c
        query = (
            select(columns.id, columns.user_id, USERS.c.name.label("user"), USERS.c.role.label("user_role"))
            .add_columns(columns.name, columns.role, columns.scope, columns.used_at, DatabaseClock().label("now"))
            .join_from(API_TOKENS, USERS, USERS.c.id == columns.user_id)
            .where(columns.token_hash == token_hash, *_alive())
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return UsedToken(
            id=row.id,
            user_id=row.user_id,
            user=row.user,
            user_role=row.user_role,
            name=row.name,
            role=row.role,
            scope=row.scope,
            used_seconds_ago=None if row.used_at is None else row.now - row.used_at,
        )

    def tokens(self) -> list[TokenRow]:
        """Read the whole table: a user has few."""
        columns = API_TOKENS.c
        query = (
            select(columns.id, USERS.c.name, columns.name, columns.role, columns.scope)
            .add_columns(columns.created_at, columns.expires_at, columns.used_at)
            .join_from(API_TOKENS, USERS, USERS.c.id == columns.user_id)
            .where(*_alive())
            .order_by(USERS.c.name, columns.name, columns.id)
        )
        return [TokenRow._make(row) for row in self._connection.execute(query)]

    def add_token(self, token: NewToken, seconds: float) -> int:
        """Insert, with both times counted from the clock, and have the id returned by the same statement."""
        times = {"created_at": DatabaseClock(), "expires_at": DatabaseClockAfter(seconds)}
        adding = insert(API_TOKENS).values({**token._asdict(), **times}).returning(API_TOKENS.c.id)
        return int(self._connection.execute(adding).scalar_one())

    def touch_token(self, token_id: int) -> None:
        """Set `used_at` by primary key."""
        touch = update(API_TOKENS).where(API_TOKENS.c.id == token_id)
        self._connection.execute(touch.values(used_at=DatabaseClock()))

    def revoke_token(self, token_id: int) -> None:
        """Set `revoked_at` by primary key, unless it is set."""
        this = update(API_TOKENS).where(API_TOKENS.c.id == token_id, API_TOKENS.c.revoked_at.is_(None))
        self._connection.execute(this.values(revoked_at=DatabaseClock()))

    def revoke_tokens(self, user_id: int) -> int:
        """Set `revoked_at` where it is not set, in one update by the index on the user."""
        theirs = update(API_TOKENS).where(API_TOKENS.c.user_id == user_id, API_TOKENS.c.revoked_at.is_(None))
        return self._connection.execute(theirs.values(revoked_at=DatabaseClock())).rowcount

    def revoke_all_tokens(self) -> int:
        """Set `revoked_at` where it is not set, in one update that scans the table."""
        every = update(API_TOKENS).where(API_TOKENS.c.revoked_at.is_(None))
        return self._connection.execute(every.values(revoked_at=DatabaseClock())).rowcount


def _alive() -> tuple[ColumnElement[bool], ...]:
    columns = API_TOKENS.c
    return columns.revoked_at.is_(None), columns.expires_at > DatabaseClock(), USERS.c.disabled.is_(False)
