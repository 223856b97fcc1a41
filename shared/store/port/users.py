"""The port of the store for those who look on: users and their sessions, and lists read page by page."""

from typing import Protocol

from shared.store.rows.users import NewSession, OpenSession, SessionRow, SessionTimes, UserRow


class UserReads(Protocol):
    """Read users, their sessions and attempts to sign in."""

    def users(self) -> list[UserRow]:
        """Return all users by name."""
        ...

    def user(self, name: str) -> UserRow | None:
        """Return a user."""
        ...

    def session(self, token_hash: str) -> SessionRow | None:
        """Return the session of a token, None for one that is unknown, revoked, over, or of a disabled user."""
        ...

    def sessions_of(self, user_id: int) -> list[OpenSession]:
        """Return the sessions of a user that are alive, newest first."""
        ...

    def session_owner(self, session_id: str) -> str | None:
        """Return the name of the user whose living session has an id."""
        ...

    def login_wait_seconds(self, subject: str) -> float:
        """Return how long somebody has to wait before the next attempt to sign in, 0 or less for not at all."""
        ...


class UserWrites(Protocol):
    """Write users, their sessions and attempts to sign in."""

    def lock_users(self) -> None:
        """Wait until nobody else is about to change users; others wait until the transaction ends."""
        ...

    def add_user(self, name: str, role: str, password_hash: str) -> int:
        """Add a user and return the id; a second one of the name is an InvariantError."""
        ...

    def set_password(self, user_id: int, password_hash: str) -> None:
        """Replace what is kept of a user's password."""
        ...

    def disable_user(self, user_id: int, disabled: bool = True) -> None:
        """Keep a user from signing in, or let them again."""
        ...

    def set_role(self, user_id: int, role: str) -> None:
        """Let a user do what another role may; an unknown one is an InvariantError."""
        ...

    def open_session(self, session: NewSession, times: SessionTimes) -> None:
        """Open a session."""
        ...

    def touch_session(self, token_hash: str, idle_seconds: float) -> None:
        """Note that a session is used."""
        ...

    def revoke_session(self, token_hash: str) -> None:
        """End the session of a token."""
        ...

    def end_session(self, session_id: str) -> None:
        """End the session of an id."""
        ...

    def revoke_sessions(self, user_id: int) -> int:
        """End all sessions of a user that were not ended and return their number."""
        ...

    def revoke_all_sessions(self) -> int:
        """End the sessions of all users that were not ended and return their number."""
        ...

    def forget_sessions(self, over_seconds: float) -> int:
        """Delete sessions whose time has been over for so long and return their number."""
        ...

    def count_login(self, subject: str) -> int | None:
        """Count an attempt to sign in and return how many there were; None, uncounted, where one has to wait.

        Until the transaction ends, others of the same subject wait here.
        """
        ...

    def delay_login(self, subject: str, seconds: float) -> None:
        """Have somebody wait before the next attempt."""
        ...

    def uncount_login(self, subject: str) -> None:
        """Take back one attempt and the wait that it may have brought."""
        ...

    def forgive_logins(self, subject: str) -> None:
        """Take back all attempts."""
        ...

    def forgive_logins_like(self, start: str) -> int:
        """Take back all attempts of every subject that begins so, and return how many subjects there were."""
        ...

    def forget_logins(self, silent_seconds: float) -> int:
        """Delete the count of those who did not try for so long and return their number."""
        ...
