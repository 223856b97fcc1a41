"""An audit log examined: its chain, the tables that it tells of, and the anchors that it should have."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from shared.anchors.audit_trail import AuditTrail
from shared.anchors.clocks import Clocks
from shared.anchors.lines import AnchorsFound
from shared.anchors.places import KnownAnchors, lacking
from shared.store.port import Reader
from shared.store.rows.audit import AuditRow
from shared.store.sql.audit import AuditCheck, verify_audit


class Examined(NamedTuple):
    """What was found of the chain, how the tables differ from it, and what anchors lack; empty where all is well.

    Clocks that went back are no fault of the log.
    """

    check: AuditCheck
    differs: str
    lacks: str
    clocks: Clocks


def examined(
    reader: Reader,
    known: KnownAnchors,
    found: AnchorsFound | None,
    now: float,
    watched: Callable[[Iterator[AuditRow]], Iterator[AuditRow]] = lambda rows: rows,
) -> Examined:
    """Walk the log once; `found` are its anchors, read before so that all they have seen is there, `now` in seconds.

    `watched` is handed the records and passes them on, to tell how far the walk has come.
    """
    trail, clocks = AuditTrail(), Clocks()
    rows = watched(clocks.passing(trail.passing(reader.audit_in_order())))
    check = verify_audit(rows, () if found is None else found.witnesses())
    first = reader.audit_record(1)
    return Examined(
        check=check,
        differs=trail.difference(reader) if check.ok else "",
        lacks=lacking(known, found, None if first is None else first.ts_utc, now),
        clocks=clocks,
    )
