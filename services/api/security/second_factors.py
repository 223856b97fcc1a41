"""Second factors: begun and confirmed by their users, asked for beside the password, and forgotten by an admin."""

from collections.abc import Callable
from typing import Final, NamedTuple

from services.api.security.accounts import UnknownUserError, UserConflictError, locked_user
from services.api.security.totp import link_of, new_recovery_codes, new_secret, recovery_hash, step_of
from shared.contracts.errors import InputError
from shared.store.port import Reader, Store, Transaction
from shared.store.rows.audit import AuditEntry

LONGEST_CODE: Final = 32


class BegunFactor(NamedTuple):
    """A secret for a device, and the address by which most take it in."""

    secret: str
    link: str


class CodeError(InputError):
    """The code is missing, wrong, or was used before; look at the device for the next one."""


def is_asked_for(reader: Reader, user_id: int) -> bool:
    """Tell whether a user has to give a code beside the password."""
    factor = reader.second_factor(user_id)
    return factor is not None and factor.confirmed


def use_code(transaction: Transaction, user_id: int, code: str | None, now: float) -> str | None:
    """Have a code of a user count, once; return by what, None where none is asked for. Raises CodeError."""
    factor = transaction.second_factor(user_id)
    if factor is None or not factor.confirmed:
        return None
    if not code:
        raise CodeError("a code of your second factor is needed beside the password")
    step = step_of(factor.secret, code.replace(" ", ""), now, factor.last_step)
    if step is not None:
        transaction.use_step(user_id, step)
        return "code"
    if transaction.use_recovery_code(user_id, recovery_hash(code)):
        return "recovery code"
    raise CodeError("the code is wrong or was used before; wait for the next one")


class SecondFactors:
    """Begin, confirm and forget second factors, each with its audit record in the same transaction."""

    def __init__(self, store: Store, clock: Callable[[], float], random: Callable[[], str], actor: str) -> None:
        """Work for an actor; `random` returns a new unguessable text."""
        self._store = store
        self._clock = clock
        self._random = random
        self._actor = actor

    def begin(self, name: str) -> BegunFactor:
        """Return a new secret for a user, which counts once a code of it was given; raise InputError."""
        secret = new_secret(self._random)
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            if is_asked_for(transaction, user.id):
                raise UserConflictError(f"{name!r} has a second factor already; remove it first")
            transaction.begin_second_factor(user.id, secret)
        return BegunFactor(secret, link_of(secret, name))

    def confirm(self, name: str, code: str, kept_session: str | None) -> list[str]:
        """Ask a user for codes from now on, and return recovery codes; all sessions but one end. Raises InputError."""
        codes = new_recovery_codes(self._random)
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            factor = transaction.second_factor(user.id)
            if factor is None or factor.confirmed:
                raise UserConflictError(f"no second factor of {name!r} is waiting to be confirmed; begin one first")
            step = step_of(factor.secret, code.replace(" ", ""), self._clock(), factor.last_step)
            if step is None:
                raise CodeError("the code is wrong; check the clocks of the device and of this machine")
            transaction.use_step(user.id, step)
            transaction.confirm_second_factor(user.id, [recovery_hash(each) for each in codes])
            for session in transaction.sessions_of(user.id):
                if session.id != kept_session:
                    transaction.end_session(session.id)
            self._audit(transaction, "user.second_factor_set", name)
        return codes

    def forget(self, name: str) -> None:
        """Ask a user for no codes any more, and end all their sessions; raise InputError."""
        with self._store.transaction() as transaction:
            user = locked_user(transaction, name)
            if not transaction.forget_second_factor(user.id):
                raise UnknownUserError(f"{name!r} has no second factor")
            transaction.revoke_sessions(user.id)
            self._audit(transaction, "user.second_factor_forgotten", name)

    def _audit(self, transaction: Transaction, action: str, name: str) -> None:
        now = int(self._clock())
        entry = AuditEntry(time=now, actor=self._actor, action=action, command_id=None, detail={"user": name})
        transaction.append_audit([entry])
