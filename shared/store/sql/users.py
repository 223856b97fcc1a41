"""Users, their sessions and their attempts to sign in, all by the database's clock.

A session is alive as long as it is not revoked, neither idle nor old beyond its limits, and its user is not disabled.
"""

from typing import Final

from sqlalchemy import ColumnElement, case, delete, insert, select, update

from shared.store.clock import DatabaseClock, DatabaseClockAfter
from shared.store.postgresql import USER_TURN
from shared.store.rows.users import NewSession, OpenSession, SessionRow, SessionTimes, UserRow
from shared.store.sql.session import Session, picked
from shared.store.tables.users import LOGIN_ATTEMPTS, SESSIONS, USERS

_USER: Final = picked(USERS, UserRow._fields)


class SignInSession(Session):
    """Read and write users, sessions and attempts to sign in."""

    def users(self) -> list[UserRow]:
        """Read the whole table, those who are disabled too."""
        return [UserRow._make(row) for row in self._connection.execute(_USER.order_by(USERS.c.name))]

    def user(self, name: str) -> UserRow | None:
        """Look the name up in its unique index, exactly as it is written."""
        row = self._connection.execute(_USER.where(USERS.c.name == name)).first()
        return None if row is None else UserRow._make(row)

    def session(self, token_hash: str) -> SessionRow | None:
        """Join session and user, and read the clock for the seconds left, in one statement."""
        columns = SESSIONS.c
        query = (
            select(columns.id, columns.user_id, USERS.c.name, USERS.c.role)
            .add_columns(columns.idle_at, columns.confirmed_until, DatabaseClock().label("now"))
            .join_from(SESSIONS, USERS, USERS.c.id == columns.user_id)
            .where(columns.token_hash == token_hash, USERS.c.disabled.is_(False), *_alive())
        )
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return SessionRow(
            id=row.id,
            user_id=row.user_id,
            name=row.name,
            role=row.role,
            idle_seconds_left=row.idle_at - row.now,
            confirmed_seconds_left=row.confirmed_until - row.now,
        )

    def sessions_of(self, user_id: int) -> list[OpenSession]:
        """Use the index on the user, keep what is alive now, and sort by creation, then by id."""
        columns = SESSIONS.c
        query = (
            picked(SESSIONS, OpenSession._fields)
            .where(columns.user_id == user_id, *_alive())
            .order_by(columns.created_at.desc(), columns.id)
        )
        return [OpenSession._make(row) for row in self._connection.execute(query)]

    def session_owner(self, session_id: str) -> str | None:
        """Look the id up in its unique index and join the user, disabled or not."""
        query = select(USERS.c.name).join_from(SESSIONS, USERS, USERS.c.id == SESSIONS.c.user_id)
        return self._connection.execute(query.where(SESSIONS.c.id == session_id, *_alive())).scalar()

    def lock_users(self) -> None:
        """Take the users' turn, an advisory lock on PostgreSQL; on SQLite any writer is alone already."""
        self._take_turns(USER_TURN)

    def login_wait_seconds(self, subject: str) -> float:
        """Read the end of the wait and the clock in one statement; without a row it is 0."""
        query = select(LOGIN_ATTEMPTS.c.wait_until, DatabaseClock().label("now"))
        row = self._connection.execute(query.where(LOGIN_ATTEMPTS.c.subject == subject)).first()
        return 0.0 if row is None else row.wait_until - row.now

    def add_user(self, name: str, role: str, password_hash: str) -> int:
        """Insert, created by the clock, and have the id returned by the same statement."""
        values = {"name": name, "role": role, "password_hash": password_hash, "disabled": False}
        adding = insert(USERS).values(**values, created_at=DatabaseClock()).returning(USERS.c.id)
        return int(self._connection.execute(adding).scalar_one())

    def set_password(self, user_id: int, password_hash: str) -> None:
        """Update by primary key; sessions stay open."""
        change = update(USERS).where(USERS.c.id == user_id)
        self._connection.execute(change.values(password_hash=password_hash))

    def disable_user(self, user_id: int, disabled: bool = True) -> None:
        """Update by primary key; the sessions stay, and `session` no longer finds them."""
        self._connection.execute(update(USERS).where(USERS.c.id == user_id).values(disabled=disabled))

    def set_role(self, user_id: int, role: str) -> None:
        """Update by primary key; a check constraint knows the roles."""
        self._connection.execute(update(USERS).where(USERS.c.id == user_id).values(role=role))

    def open_session(self, session: NewSession, times: SessionTimes) -> None:
        """Insert one row whose times all are counted from the clock."""
        values = {
            **session._asdict(),
            "created_at": DatabaseClock(),
            "idle_at": DatabaseClockAfter(times.idle),
            "expires_at": DatabaseClockAfter(times.longest),
            "confirmed_until": DatabaseClockAfter(times.confirmed),
        }
        self._connection.execute(insert(SESSIONS).values(values))

    def touch_session(self, token_hash: str, idle_seconds: float) -> None:
        """Move `idle_at` of the token's row on, alive or not."""
        touch = update(SESSIONS).where(SESSIONS.c.token_hash == token_hash)
        self._connection.execute(touch.values(idle_at=DatabaseClockAfter(idle_seconds)))

    def revoke_session(self, token_hash: str) -> None:
        """Set `revoked_at` by primary key, unless it is set."""
        ours = update(SESSIONS).where(SESSIONS.c.token_hash == token_hash, SESSIONS.c.revoked_at.is_(None))
        self._connection.execute(ours.values(revoked_at=DatabaseClock()))

    def end_session(self, session_id: str) -> None:
        """Set `revoked_at` by the unique index on the id, unless it is set."""
        this = update(SESSIONS).where(SESSIONS.c.id == session_id, SESSIONS.c.revoked_at.is_(None))
        self._connection.execute(this.values(revoked_at=DatabaseClock()))

    def revoke_sessions(self, user_id: int) -> int:
        """Set `revoked_at` where it is not set, in one update by the index on the user."""
        theirs = update(SESSIONS).where(SESSIONS.c.user_id == user_id, SESSIONS.c.revoked_at.is_(None))
        return self._connection.execute(theirs.values(revoked_at=DatabaseClock())).rowcount

    def revoke_all_sessions(self) -> int:
        """Set `revoked_at` where it is not set, in one update that scans the table."""
        every = update(SESSIONS).where(SESSIONS.c.revoked_at.is_(None))
        return self._connection.execute(every.values(revoked_at=DatabaseClock())).rowcount

    def forget_sessions(self, over_seconds: float) -> int:
        """Delete in one statement, by the index on `expires_at`."""
        over = SESSIONS.c.expires_at < DatabaseClockAfter(-over_seconds)
        return self._connection.execute(delete(SESSIONS).where(over)).rowcount

    def count_login(self, subject: str) -> int | None:
        """Upsert: the row there is counted up only where its wait is over, and stays locked until the end."""
        first = self._insert(LOGIN_ATTEMPTS)
        now = DatabaseClock()
        counted = first.values(subject=subject, tries=1, last_at=now, wait_until=now).on_conflict_do_update(
            index_elements=[LOGIN_ATTEMPTS.c.subject],
            set_={"tries": LOGIN_ATTEMPTS.c.tries + 1, "last_at": now},
            where=LOGIN_ATTEMPTS.c.wait_until <= now,
        )
        return self._connection.execute(counted.returning(LOGIN_ATTEMPTS.c.tries)).scalar()

    def delay_login(self, subject: str, seconds: float) -> None:
        """Set the end of the wait by the clock; a subject without a row gets none."""
        delay = update(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.subject == subject)
        self._connection.execute(delay.values(wait_until=DatabaseClockAfter(seconds)))

    def uncount_login(self, subject: str) -> None:
        """Subtract one in SQL, never below 0, and let the wait end now."""
        fewer = case((LOGIN_ATTEMPTS.c.tries > 0, LOGIN_ATTEMPTS.c.tries - 1), else_=0)
        taken = update(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.subject == subject)
        self._connection.execute(taken.values(tries=fewer, wait_until=DatabaseClock()))

    def forgive_logins(self, subject: str) -> None:
        """Delete the subject's row by primary key."""
        self._connection.execute(delete(LOGIN_ATTEMPTS).where(LOGIN_ATTEMPTS.c.subject == subject))

    def forgive_logins_like(self, start: str) -> int:
        """Delete in one statement that scans the table: it holds those of the last hour."""
        alike = LOGIN_ATTEMPTS.c.subject.startswith(start, autoescape=True)
        return self._connection.execute(delete(LOGIN_ATTEMPTS).where(alike)).rowcount

    def forget_logins(self, silent_seconds: float) -> int:
        """Delete in one statement that scans the table: `last_at` has no index."""
        silent = LOGIN_ATTEMPTS.c.last_at < DatabaseClockAfter(-silent_seconds)
        return self._connection.execute(delete(LOGIN_ATTEMPTS).where(silent)).rowcount


def _alive() -> tuple[ColumnElement[bool], ...]:
    columns, now = SESSIONS.c, DatabaseClock()
    return columns.revoked_at.is_(None), columns.idle_at > now, columns.expires_at > now
