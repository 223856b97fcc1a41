"""`scalpbot run executor`: the ledger of the account."""

from services.cli.run.asked import Asked
from services.cli.run.service import service_of
from services.executor.process import run_executor
from services.executor.work import SERVICE
from shared.contracts.runs import RunMode


def run_executor_verb(asked: Asked, mode: RunMode) -> None:
    """Settle assessed candles while this process leads, until it is to stop."""
    service = service_of(SERVICE, asked)
    addresses = service.addresses
    with service.process() as process:
        run_executor(process, service.settings, mode, *addresses)
