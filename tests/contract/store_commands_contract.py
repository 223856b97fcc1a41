"""What every store must do for commands and holds; a subclass brings the fixture `url` as for `StoreContract`."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.errors import InvariantError
from shared.contracts.times import format_time
from shared.store.port import Store
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import Backlog, CommandFilter, CommandRow, HoldRow, NewCommand
from shared.store.rows.listing import Span
from shared.store.sql_store import open_store
from tests.contract.builders import MIDNIGHT


def a_command(**changes: Any) -> NewCommand:
    """Return a pause of EUR_USD."""
    return NewCommand(MIDNIGHT, "ann", "PAUSE_PAIR", '{"pair": "EUR_USD"}')._replace(**changes)


def a_hold(**changes: Any) -> HoldRow:
    """Return a pause of EUR_USD after the seventh candle."""
    return HoldRow("EUR_USD", "pause", "ann", MIDNIGHT, 7, 1)._replace(**changes)


class CommandStoreContract:
    """Commands, holds, and the audit trail of a command."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = open_store(url)
        yield store
        store.close()

    def test_a_command_waits_until_it_is_claimed_and_keeps_its_result(self, store: Store) -> None:
        with store.transaction() as transaction:
            added, is_new = transaction.add_command(a_command(idempotency_key="k", expires_time=MIDNIGHT + 60))
        midnight = format_time(MIDNIGHT)
        expires = format_time(MIDNIGHT + 60)
        payload = '{"pair": "EUR_USD"}'
        nothing = (None,) * 3
        waiting = CommandRow(1, midnight, "ann", "PAUSE_PAIR", payload, "PENDING", "k", None, expires, *nothing)
        assert (added, is_new) == (waiting, True)
        with store.transaction() as transaction:
            claimed = transaction.claim_command("executor-1", MIDNIGHT + 1)
            assert claimed == waiting._replace(
                status="RUNNING", claimed_by="executor-1", started_ts_utc=format_time(MIDNIGHT + 1)
            )
            assert transaction.running_commands() == [claimed]
            transaction.finish_command(1, "SUCCEEDED", '{"changed":true}', MIDNIGHT + 2)
        with store.reading() as reader:
            done = reader.command(1)
            assert done is not None
            assert (done.status, done.result_json) == ("SUCCEEDED", '{"changed":true}')
            assert done.finished_ts_utc == format_time(MIDNIGHT + 2)
            assert reader.running_commands() == []
            assert reader.command(2) is None

    def test_commands_are_claimed_in_the_order_in_which_they_came(self, store: Store) -> None:
        with store.transaction() as transaction:
            for number in range(3):
                transaction.add_command(a_command(actor=f"actor {number}"))
        with store.transaction() as transaction:
            claimed = [transaction.claim_command("executor-1", MIDNIGHT) for _ in range(4)]
        assert [row and row.id for row in claimed] == [1, 2, 3, None]

    def test_the_same_key_of_a_type_returns_the_same_command(self, store: Store) -> None:
        with store.transaction() as transaction:
            first, _ = transaction.add_command(a_command(idempotency_key="k"))
            assert transaction.add_command(a_command(idempotency_key="k", actor="bob")) == (first, False)
            other, is_new = transaction.add_command(a_command(idempotency_key="k", type="RESUME_PAIR"))
            assert is_new
            assert other.id != first.id
            without_key = [transaction.add_command(a_command())[1] for _ in range(2)]
        assert without_key == [True, True]

    def test_commands_are_listed_by_type_status_and_time(self, store: Store) -> None:
        with store.transaction() as transaction:
            for number in range(6):
                kind = ("PAUSE_ALL", "RESUME_ALL")[number % 2]
                transaction.add_command(a_command(type=kind, created_time=MIDNIGHT + number))
            transaction.claim_command("executor-1", MIDNIGHT)

        def listed(span: Span, **wanted: str) -> list[int]:
            with store.reading() as reader:
                return [each.row.id for each in reader.list_commands(span, CommandFilter(**wanted))]

        assert listed(Span(2)) == [6, 5]
        assert listed(Span(2, before=(0, 5))) == [4, 3]
        assert listed(Span(9), type="PAUSE_ALL") == [5, 3, 1]
        assert listed(Span(9), status="RUNNING") == [1]
        assert listed(Span(9), type="PAUSE_ALL", status="PENDING") == [5, 3]
        assert listed(Span(9, start=MIDNIGHT + 1, end=MIDNIGHT + 3)) == [3, 2]

    def test_the_backlog_is_what_nobody_has_taken(self, store: Store) -> None:
        with store.reading() as reader:
            assert reader.backlog() == Backlog(0, None)
        with store.transaction() as transaction:
            for number in range(3):
                transaction.add_command(a_command(created_time=MIDNIGHT + number))
            transaction.claim_command("executor-1", MIDNIGHT)
            assert transaction.backlog() == Backlog(2, format_time(MIDNIGHT + 1))

    def test_audit_records_of_some_actions_are_read_from_a_place_on(self, store: Store) -> None:
        with store.reading() as reader:
            assert reader.newest_audit_id() == 0
        with store.transaction() as transaction:
            names = ("a", "b", "a", "c", "a")
            transaction.append_audit([AuditEntry(MIDNIGHT, "ann", name, None, {}) for name in names])
        with store.reading() as reader:
            assert reader.newest_audit_id() == 5
            assert [row.id for row in reader.audit_between(1, 5, ("a", "c"), 9)] == [3, 4, 5]
            assert [row.id for row in reader.audit_between(0, 4, ("a",), 9)] == [1, 3]
            assert [row.id for row in reader.audit_between(0, 5, ("a",), 2)] == [1, 3]

    def test_only_a_running_command_is_finished(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_command(a_command())
        with pytest.raises(InvariantError, match="command 1 cannot be finished"), store.transaction() as transaction:
            transaction.finish_command(1, "SUCCEEDED", "{}", MIDNIGHT)

    def test_a_claim_that_is_rolled_back_leaves_the_command_waiting(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.add_command(a_command())
        with pytest.raises(InvariantError, match="command 7"):
            self.claim_and_fail(store)
        with store.transaction() as transaction:
            claimed = transaction.claim_command("executor-2", MIDNIGHT)
            assert claimed is not None
            assert claimed.claimed_by == "executor-2"

    @staticmethod
    def claim_and_fail(store: Store) -> None:
        with store.transaction() as transaction:
            transaction.claim_command("executor-1", MIDNIGHT)
            transaction.finish_command(7, "SUCCEEDED", "{}", MIDNIGHT)

    def test_a_hold_is_in_force_until_it_is_ended(self, store: Store) -> None:
        euro, switch = a_hold(), a_hold(scope="ALL", kind="kill_switch", command_id=2)
        with store.transaction() as transaction:
            transaction.begin_hold(euro)
            transaction.begin_hold(switch)
        with store.transaction() as transaction:
            assert transaction.holds() == [switch, euro]
            transaction.end_holds([euro], MIDNIGHT + 9, 12, "bob", 3)
        with store.reading() as reader:
            assert reader.holds() == [switch]
            ended = euro._replace(ended_time=MIDNIGHT + 9, ended_seq=12, ended_by="bob", ended_command_id=3)
            assert reader.all_holds() == [ended, switch]

    def test_a_hold_begins_and_ends_once(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.begin_hold(a_hold())
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.begin_hold(a_hold(actor="bob"))
        with store.transaction() as transaction:
            transaction.end_holds([a_hold()], MIDNIGHT, 7, "bob", None)
            transaction.begin_hold(a_hold(since_seq=8))
        with pytest.raises(InvariantError, match="not in force"), store.transaction() as transaction:
            transaction.end_holds([a_hold(scope="USD_JPY")], MIDNIGHT, 9, "bob", None)

    def test_the_audit_records_of_a_command_are_found(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.append_audit(
                [AuditEntry(MIDNIGHT, "ann", f"step {number}", number % 2 or None, {}) for number in range(6)]
            )
        with store.reading() as reader:
            assert [row.action for row in reader.audit_of_command(1)] == ["step 1", "step 3", "step 5"]
            assert reader.audit_of_command(2) == []

    def test_what_a_user_sent_lately_is_of_its_tokens_too_and_of_nobody_else(self, store: Store) -> None:
        with store.transaction() as transaction:
            for actor in ("ann", "ann/robot", "anna", "bob/ann", "an_/x"):
                transaction.add_command(a_command(actor=actor))
            for time in (MIDNIGHT - 60, MIDNIGHT + 1):
                transaction.add_command(a_command(created_time=time))
        with store.reading() as reader:
            sent = [("PAUSE_PAIR", format_time(MIDNIGHT))] * 2
            assert reader.lately_sent("ann", MIDNIGHT - 60, MIDNIGHT) == sent
            assert reader.lately_sent("an_", MIDNIGHT - 60, MIDNIGHT) == sent[:1]
            assert reader.lately_sent("ann", MIDNIGHT + 1, MIDNIGHT + 60) == []
