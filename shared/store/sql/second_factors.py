"""Second factors of users, and their recovery codes."""

from collections.abc import Sequence

from sqlalchemy import delete, insert, select, update

from shared.store.clock import DatabaseClock
from shared.store.rows.second_factors import SecondFactor
from shared.store.sql.session import Session
from shared.store.tables.second_factors import RECOVERY_CODES, SECOND_FACTORS


class SecondFactorSession(Session):
    """Read and write second factors."""

    def second_factor(self, user_id: int) -> SecondFactor | None:
        """Look the user up by primary key."""
        columns = SECOND_FACTORS.c
        query = select(columns.secret, columns.last_step, columns.confirmed_at).where(columns.user_id == user_id)
        row = self._connection.execute(query).first()
        return None if row is None else SecondFactor(row.secret, row.last_step, row.confirmed_at is not None)

    def begin_second_factor(self, user_id: int, secret: str) -> None:
        """Delete and insert by primary key; recovery codes stay until others are confirmed."""
        self._connection.execute(delete(SECOND_FACTORS).where(SECOND_FACTORS.c.user_id == user_id))
        self._connection.execute(insert(SECOND_FACTORS).values(user_id=user_id, secret=secret, last_step=0))

    def confirm_second_factor(self, user_id: int, code_hashes: Sequence[str]) -> None:
        """Set `confirmed_at` by the clock, delete by the index on the user, and insert the new hashes."""
        this = update(SECOND_FACTORS).where(SECOND_FACTORS.c.user_id == user_id)
        self._connection.execute(this.values(confirmed_at=DatabaseClock()))
        self._connection.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
        self._connection.execute(
            insert(RECOVERY_CODES), [{"code_hash": code_hash, "user_id": user_id} for code_hash in code_hashes]
        )

    def use_step(self, user_id: int, step: int) -> None:
        """Update by primary key."""
        this = update(SECOND_FACTORS).where(SECOND_FACTORS.c.user_id == user_id)
        self._connection.execute(this.values(last_step=step))

    def use_recovery_code(self, user_id: int, code_hash: str) -> bool:
        """Delete by primary key, if it is the user's."""
        this = RECOVERY_CODES.c.code_hash == code_hash, RECOVERY_CODES.c.user_id == user_id
        return self._connection.execute(delete(RECOVERY_CODES).where(*this)).rowcount == 1

    def forget_second_factor(self, user_id: int) -> bool:
        """Delete both by the user."""
        self._connection.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
        gone = delete(SECOND_FACTORS).where(SECOND_FACTORS.c.user_id == user_id)
        return self._connection.execute(gone).rowcount == 1
