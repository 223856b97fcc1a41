"""Signs of life of the processes, and forgetting those that are long gone."""

from typing import Final

from shared.store.port import Transaction

_FORGOTTEN_SECONDS: Final = 86_400.0


def leave_sign_of_life(transaction: Transaction, service: str, instance: str) -> None:
    """Note that a process lives, and forget every one that was silent for a day."""
    transaction.beat(service, instance, "{}")
    transaction.forget_heartbeats(_FORGOTTEN_SECONDS)
