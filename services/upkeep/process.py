"""Retention as a process, where the services are processes of their own."""

from functools import partial
from typing import Final

from services.upkeep.retention import Retention, keep
from shared.contracts.errors import InputError
from shared.runtime.leading import attended, lead, lease_of, require_lead
from shared.runtime.process import Process
from shared.settings.settings import Settings
from shared.store.rows.pruning import Prunable
from shared.store.sql_store import open_store

SERVICE: Final = "upkeep"
_NAP_SECONDS: Final = 0.25


def run_upkeep(process: Process, settings: Settings, store_url: str) -> None:
    """Delete once a day what the settings call old while this process leads, until it is to stop.

    Raises InputError where the settings keep everything.
    """
    if not any(settings.retention.days(table) for table in Prunable):
        raise InputError("the settings keep everything, so there is nothing to do; write section [retention]")
    store = process.retry_until_available("store", partial(open_store, store_url))
    if store is None:
        return
    lease = lease_of(process, store, SERVICE)

    def pause(seconds: float) -> bool:
        ends = process.monotonic() + seconds
        while not process.stopped() and (left := ends - process.monotonic()) > 0:
            process.health.progress()
            require_lead(lease)
            process.sleep(min(left, _NAP_SECONDS))
        return process.stopped()

    retention = Retention(process, store, settings.retention, lease.fence, pause)
    process.health.has("start")
    with attended(process, store, lease):
        lead(process, lease, partial(keep, process, retention, pause))
    store.close()
