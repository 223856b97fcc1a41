"""The envelope: an id that repeats with its cause, and the key that a broker routes by."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import message_id
from tests.contract.builders import a_message


def test_the_same_fact_has_the_same_id_in_every_run() -> None:
    assert message_id("candle.closed", "candles.0", 1) == "4ae28ddb-1cdf-5a30-9b71-3f6781213029"


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_facts_of_different_places_have_different_ids(one: int, other: int) -> None:
    assert (message_id("quote", "a.0", one) == message_id("quote", "a.0", other)) == (one == other)


def test_an_id_is_a_uuid_made_from_a_name() -> None:
    assert UUID(message_id("candle.closed", "candles.0", 1)).version == 5


def test_the_routing_key_names_fact_partition_and_pair() -> None:
    assert a_message(1, stream="candles.3", pair="USD_JPY").routing_key == "candle.closed.3.USD_JPY"


def test_a_stream_without_partitions_routes_by_its_name() -> None:
    assert a_message(1, stream="account", pair="ALL").routing_key == "candle.closed.account.ALL"
