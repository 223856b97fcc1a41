"""What every store must do for processes that share it; a subclass brings the fixture `url` as for `StoreContract`."""

from collections.abc import Iterator

import pytest

from shared.contracts.errors import InvariantError
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.contract.builders import MIDNIGHT, an_outgoing

EXECUTOR = "executor.0"
LONG = 3_600.0
EXPIRED = 0.0


class SharedStoreContract:
    """Leases, signs of life and the outbox."""

    @pytest.fixture
    def store(self, url: str) -> Iterator[Store]:
        store = open_store(url)
        yield store
        store.close()

    # Leases.

    def test_a_lease_that_nobody_took_is_free(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.lease(EXECUTOR) is None
            assert not transaction.holds_lease(EXECUTOR, 1)
            assert not transaction.renew_lease(EXECUTOR, "ann", 1, LONG)
            assert transaction.acquire_lease(EXECUTOR, "ann", LONG) == 1
            assert transaction.holds_lease(EXECUTOR, 1)
        with store.reading() as reader:
            lease = reader.lease(EXECUTOR)
        assert lease is not None
        assert lease[:3] == (EXECUTOR, "ann", 1)
        assert LONG - 60 < lease.seconds_left <= LONG + 0.01

    def test_a_lease_that_is_held_is_not_given_to_another(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.acquire_lease(EXECUTOR, "ann", LONG) == 1
        with store.transaction() as transaction:
            assert transaction.acquire_lease(EXECUTOR, "bob", LONG) is None
            assert transaction.acquire_lease("ingest.0", "bob", LONG) == 1
            assert transaction.holds_lease(EXECUTOR, 1)

    def test_the_holder_takes_its_lease_again_under_the_same_epoch(self, store: Store) -> None:
        with store.transaction() as transaction:
            for ttl_seconds in (LONG, EXPIRED, LONG):
                assert transaction.acquire_lease(EXECUTOR, "ann", ttl_seconds) == 1

    def test_an_expired_lease_goes_to_another_under_a_new_epoch(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.acquire_lease(EXECUTOR, "ann", EXPIRED)
            assert not transaction.holds_lease(EXECUTOR, 1)
            assert transaction.acquire_lease(EXECUTOR, "bob", LONG) == 2
            assert transaction.acquire_lease(EXECUTOR, "ann", LONG) is None
            assert transaction.holds_lease(EXECUTOR, 2)
            assert not transaction.holds_lease(EXECUTOR, 1)

    def test_a_lease_left_behind_by_a_clock_that_was_put_back_is_over(self, store: Store) -> None:
        with store.transaction() as transaction:
            # An hour ago by the clock of now, it had ten seconds to run.
            transaction.acquire_lease(EXECUTOR, "ann", 3_610)
            assert transaction.acquire_lease(EXECUTOR, "bob", 10) == 2
            assert transaction.acquire_lease(EXECUTOR, "cid", 10) is None
            assert not transaction.renew_lease(EXECUTOR, "ann", 1, 10)

    def test_only_the_holder_renews_and_only_in_time(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.acquire_lease(EXECUTOR, "ann", 60)
            assert not transaction.renew_lease(EXECUTOR, "bob", 1, LONG)
            assert not transaction.renew_lease(EXECUTOR, "ann", 2, LONG)
            assert transaction.renew_lease(EXECUTOR, "ann", 1, LONG)
            lease = transaction.lease(EXECUTOR)
            assert lease is not None
            assert lease.seconds_left > 60
            assert transaction.renew_lease(EXECUTOR, "ann", 1, EXPIRED)
            assert not transaction.renew_lease(EXECUTOR, "ann", 1, LONG)

    def test_a_released_lease_is_free_at_once_and_its_epoch_goes_on(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.acquire_lease(EXECUTOR, "ann", LONG)
            transaction.release_lease(EXECUTOR, "bob", 1)
            transaction.release_lease(EXECUTOR, "ann", 7)
            assert transaction.holds_lease(EXECUTOR, 1)
            transaction.release_lease(EXECUTOR, "ann", 1)
            assert not transaction.holds_lease(EXECUTOR, 1)
            assert transaction.acquire_lease(EXECUTOR, "bob", LONG) == 2
            transaction.release_lease(EXECUTOR, "ann", 1)
            assert transaction.holds_lease(EXECUTOR, 2)

    # Signs of life.

    def test_the_last_sign_of_life_of_each_process_is_known(self, store: Store) -> None:
        with store.transaction() as transaction:
            for service, instance, detail in (("strategy", "b", "{}"), ("ingest", "a", "{}"), ("strategy", "b", "[1]")):
                transaction.beat(service, instance, detail)
        with store.reading() as reader:
            beats = reader.heartbeats()
        assert [(beat.service, beat.instance, beat.detail_json) for beat in beats] == [
            ("ingest", "a", "{}"),
            ("strategy", "b", "[1]"),
        ]
        assert all(-0.01 < beat.age_seconds < 60 for beat in beats)
        assert all(beat.seen_at > MIDNIGHT for beat in beats)

    def test_processes_that_fell_silent_are_forgotten(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.beat("ingest", "a", "{}")
            assert transaction.forget_heartbeats(LONG) == 0
            assert transaction.forget_heartbeats(-1) == 1
            assert transaction.heartbeats() == []

    # The outbox.

    def test_a_relay_gets_the_messages_of_its_producer(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.stage_outbox([an_outgoing(1), an_outgoing(2, producer="strategy"), an_outgoing(3)])
        with store.transaction() as transaction:
            assert [staged.row.seq for staged in transaction.unsent_outbox(10, "ingest")] == [1, 3]
            assert [staged.row.seq for staged in transaction.unsent_outbox(1, "ingest")] == [1]
            assert [staged.row.seq for staged in transaction.unsent_outbox(10)] == [1, 2, 3]
            assert [transaction.outbox_count(name) for name in ("ingest", "strategy", "executor")] == [2, 1, 0]

    def test_sent_messages_are_deleted_in_batches_the_oldest_first(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.stage_outbox([an_outgoing(seq) for seq in range(1, 6)])
            for place, staged in enumerate(transaction.unsent_outbox(4)):
                transaction.mark_outbox_sent([staged.id], MIDNIGHT + place)
            assert [transaction.delete_sent_outbox(MIDNIGHT + 3, limit=2) for _ in range(3)] == [2, 1, 0]
            assert [staged.row.seq for staged in transaction.unsent_outbox(10)] == [5]

    def test_many_messages_are_marked_at_once(self, store: Store) -> None:
        with store.transaction() as transaction:
            transaction.stage_outbox([an_outgoing(seq) for seq in range(1, 1_202)])
            transaction.mark_outbox_sent([staged.id for staged in transaction.unsent_outbox(2_000)], MIDNIGHT)
            assert transaction.outbox_count() == 0

    @pytest.mark.parametrize("count", [1, 3, 50])
    def test_messages_are_kept_to_the_letter_however_many_are_staged(self, store: Store, count: int) -> None:
        awkward = ("tab\tand\nline", "back\\slash \\N \\.", "", '"quoted", ünï', "%s %(name)s ?")
        rows = [
            an_outgoing(seq, body=awkward[seq % 5], causation_id=None if seq % 2 else "cause")
            for seq in range(1, count + 1)
        ]
        with store.transaction() as transaction:
            transaction.stage_outbox(rows)
        with store.reading() as reader:
            assert [staged.row for staged in reader.unsent_outbox(100)] == rows

    def test_one_row_that_is_refused_refuses_all(self, store: Store) -> None:
        many = [an_outgoing(seq) for seq in (*range(1, 50), 7)]
        with pytest.raises(InvariantError, match="refused a row"), store.transaction() as transaction:
            transaction.stage_outbox(many)
        with store.reading() as reader:
            assert reader.outbox_count() == 0
