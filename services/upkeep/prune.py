"""Fewer rows: what is old is proven once more, the state that it leads to is kept, and then it is deleted.

What is left can be proven from that state on. A process that ends in between leaves old rows behind that count as
pruned already, and the next one takes them up.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from services.executor.work import SERVICE as EXECUTOR
from services.inspection.checkpoint import PRUNED, Checkpoint, checkpoint_of, state_digest
from services.inspection.differences import DifferenceError
from services.inspection.parity import Proof, prove_until
from shared.calendar.trading_day import trading_day_numbers
from shared.contracts.errors import InputError
from shared.contracts.times import format_time
from shared.core.types import SECONDS_PER_DAY
from shared.runtime.consumer import no_fence
from shared.runtime.remembered import remembered_run
from shared.runtime.streams import ALL_ASSESSED
from shared.store.port import Reader, Store, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.pruning import REPLAYED, Old, Prunable

# So few that whoever trades meanwhile hardly waits.
_TOGETHER: Final = 2_000
# Clocks of all zones change by no less.
_STEP_SECONDS: Final = 900


class Plan(NamedTuple):
    """What is old: rows by table, and up to which candle the ledger has to be proven; `candles` are those to replay."""

    old: list[Old]
    rows: dict[Prunable, int]
    until: int
    candles: int

    @property
    def total(self) -> int:
        """Return how many rows are old."""
        return sum(self.rows.values())


class Pruned(NamedTuple):
    """What pruning did: rows by table, and the checkpoint that it left; a difference is why nothing was done."""

    rows: dict[Prunable, int]
    checkpoint: Checkpoint | None
    difference: str | None


class Hands(NamedTuple):
    """In whose name it is done, at what time, and a fence that raises where this process may not write any more."""

    actor: str
    clock: Callable[[], float]
    fence: Callable[[Transaction], None] = no_fence


class Steps(NamedTuple):
    """How many candles are proven at a time, and who is told how many were replayed, and how many rows are deleted."""

    candles: int
    replayed: Callable[[int], None]
    deleted: Callable[[int], None]


def planned(reader: Reader, days: Mapping[Prunable, int], most_candles: int | None = None) -> Plan:
    """Return what is older than so many days before the newest candle, by table, in whole trading days.

    With `most_candles` it is the beginning of that. What was not traded yet, and the candle traded last, never is old.
    """
    last = reader.last_candle()
    if last is None:
        return Plan(old=[], rows={}, until=0, candles=0)
    traded = reader.cursor(EXECUTOR, ALL_ASSESSED) - 1
    proven = _checkpoint(reader)
    began = 0 if proven is None else proven.seq
    most = traded if most_candles is None else min(traded, began + most_candles)
    old = []
    for table, age in days.items():
        time = _day_begins(reader, last.decision_time - age * SECONDS_PER_DAY)
        old.append(Old(table, max(0, min(most, reader.last_seq_before(time))), time))
    until = max((each.seq for each in old if each.table in REPLAYED), default=0)
    rows = {each.table: reader.count_old(each) for each in old}
    return Plan(old=old, rows=rows, until=until, candles=max(0, until - began))


def prune(store: Store, plan: Plan, hands: Hands, told: tuple[Callable[[int], None], Callable[[int], None]]) -> Pruned:
    """Prove what is old and delete it in batches; nothing is done where the ledger differs from its replay.

    `told` is called with how many candles were replayed, and then with how many rows are deleted. Raises InputError
    where somebody else pruned meanwhile.
    """
    replayed, deleted = told
    checkpoint = None
    if plan.total or plan.candles:
        with store.reading() as reader:
            before = _checkpoint(reader)
            proof = None
            if plan.until > (0 if before is None else before.seq):
                proof = prove_until(reader, before, plan.until, replayed)
        if proof is not None and (proof.state is None or proof.difference is not None):
            return Pruned({}, before, proof.difference)
        with store.transaction() as transaction:
            hands.fence(transaction)
            if _checkpoint(transaction) != before:
                raise InputError("somebody else pruned this database meanwhile; look again with --dry-run")
            checkpoint = _kept(transaction, plan, proof, hands) or before
    rows = dict.fromkeys(plan.rows, 0)
    for old in plan.old:
        while count := _deleted(store, old, hands):
            rows[old.table] += count
            deleted(sum(rows.values()))
    return Pruned(rows, checkpoint, None)


def prune_in_steps(store: Store, days: Mapping[Prunable, int], whole: Plan, hands: Hands, steps: Steps) -> Pruned:
    """Prune all of a plan step by step, so that no view of the database lasts long, and return what all steps did.

    Whoever is told of deleted rows is so between two steps as well. Raises InputError as `prune` does.
    """
    rows: dict[Prunable, int] = dict.fromkeys(whole.rows, 0)
    replayed = 0
    while True:
        with store.reading() as reader:
            plan = planned(reader, days, steps.candles)
        told = (_beyond(steps.replayed, replayed), _beyond(steps.deleted, sum(rows.values())))
        done = prune(store, plan, hands, told)
        replayed += plan.candles
        for table, count in done.rows.items():
            rows[table] += count
        if done.difference is not None or plan.until >= whole.until:
            return done._replace(rows=rows)
        steps.deleted(sum(rows.values()))


def _beyond(tell: Callable[[int], None], before: int) -> Callable[[int], None]:
    return lambda done: tell(before + done)


def _deleted(store: Store, old: Old, hands: Hands) -> int:
    with store.transaction() as transaction:
        hands.fence(transaction)
        return transaction.delete_old(old, _TOGETHER)


def _kept(transaction: Transaction, plan: Plan, proof: Proof | None, hands: Hands) -> Checkpoint | None:
    """Record what is about to be deleted, and with a proof keep the state that it leads to."""
    now = int(hands.clock())
    detail: dict[str, Any] = {
        "rows": {str(table): count for table, count in plan.rows.items()},
        "before": {str(each.table): format_time(each.time) for each in plan.old},
    }
    checkpoint = None
    if proof is not None and proof.state is not None:
        text = proof.state.text()
        detail |= {"up_to_seq": plan.until, "up_to_time": format_time(proof.time), "state": state_digest(text)}
        detail |= {"trades": proof.state.trades, "trade_hash": proof.trade_hash}
    transaction.append_audit([AuditEntry(time=now, actor=hands.actor, action=PRUNED, command_id=None, detail=detail)])
    if proof is not None and proof.state is not None:
        audit_id = transaction.newest_audit_id()
        checkpoint = Checkpoint(seq=plan.until, time=proof.time, audit_id=audit_id, state=text)
        transaction.save_snapshots([checkpoint.row()])
    return checkpoint


def _checkpoint(reader: Reader) -> Checkpoint | None:
    try:
        return checkpoint_of(reader)
    except DifferenceError as fault:
        raise InputError(f"nothing can be pruned: {fault}; look with `scalpbot parity`") from fault


def _day_begins(reader: Reader, time: int) -> int:
    """Return when the trading day of a time began."""
    rules = remembered_run(reader).settings.calendar
    zone, hour = rules.trading_day_zone, rules.trading_day_hour
    start = time - time % _STEP_SECONDS
    day = trading_day_numbers(start, zone, hour)
    while trading_day_numbers(start - _STEP_SECONDS, zone, hour) == day:
        start -= _STEP_SECONDS
    return start
