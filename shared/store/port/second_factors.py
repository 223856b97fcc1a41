"""The port of the store for second factors: what users have beside their passwords."""

from collections.abc import Sequence
from typing import Protocol

from shared.store.rows.second_factors import SecondFactor


class SecondFactorReads(Protocol):
    """Read second factors."""

    def second_factor(self, user_id: int) -> SecondFactor | None:
        """Return a user's second factor, confirmed or not yet."""
        ...


class SecondFactorWrites(Protocol):
    """Write second factors."""

    def begin_second_factor(self, user_id: int, secret: str) -> None:
        """Keep a secret that is not confirmed yet, in place of any other of the user."""
        ...

    def confirm_second_factor(self, user_id: int, code_hashes: Sequence[str]) -> None:
        """Have codes be asked for from now on, and keep the hashes of recovery codes in place of earlier ones."""
        ...

    def use_step(self, user_id: int, step: int) -> None:
        """Note the step of a code, so that neither it nor an earlier one counts again."""
        ...

    def use_recovery_code(self, user_id: int, code_hash: str) -> bool:
        """Take a recovery code of a user away, and tell whether there was one."""
        ...

    def forget_second_factor(self, user_id: int) -> bool:
        """Ask a user for no codes any more, and tell whether they were asked for any."""
        ...
