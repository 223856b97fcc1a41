"""What exists on the broker."""

import json
from fnmatch import fnmatchcase

import pytest

from shared.bus.topology import ASSESSED_QUEUE, candles_queue, definitions, topology
from shared.contracts.envelope import routing_key
from shared.contracts.errors import InputError
from shared.contracts.facts import ACCOUNT_FACTS, CANDLE_ASSESSED, CANDLE_CLOSED
from tests.repository import ROOT

DEFINITIONS = ROOT / "deploy" / "rabbitmq" / "definitions.json"


def queues_for(key: str, partitions: int = 1) -> list[str]:
    return [
        binding.queue
        for binding in topology(partitions).bindings
        if binding.exchange == "scalpbot" and fnmatchcase(key, binding.routing_key)
    ]


def test_the_definitions_in_the_repository_are_those_of_the_code() -> None:
    assert DEFINITIONS.read_text(encoding="utf-8") == definitions(topology()), "run: scalpbot bus definitions --out"


def test_definitions_hold_no_users() -> None:
    assert set(json.loads(definitions(topology()))) == {"vhosts", "exchanges", "queues", "bindings"}


def test_candles_go_to_the_strategy_and_assessed_candles_to_the_executor() -> None:
    assert queues_for(routing_key(CANDLE_CLOSED, "candles.0", "EUR_USD")) == [candles_queue()]
    assert queues_for(routing_key(CANDLE_ASSESSED, "assessed.0", "EUR_USD")) == [ASSESSED_QUEUE]


def test_a_partition_has_queues_of_its_own() -> None:
    assert queues_for(routing_key(CANDLE_CLOSED, "candles.1", "EUR_USD"), partitions=2) == [candles_queue(1)]
    assert queues_for(routing_key(CANDLE_CLOSED, "candles.1", "EUR_USD"), partitions=1) == []


def test_facts_of_the_account_have_no_queue_yet() -> None:
    declared = topology()
    assert [declared.subscribed(fact) for fact in (CANDLE_CLOSED, CANDLE_ASSESSED)] == [True, True]
    assert not any(declared.subscribed(fact) for fact in (*ACCOUNT_FACTS, "candle"))


def test_every_queue_is_a_quorum_queue_with_a_limit_of_deliveries_that_all_versions_understand() -> None:
    for queue in topology(3).queues:
        limit = queue.arguments["x-delivery-limit"]
        assert queue.arguments["x-queue-type"] == "quorum"
        assert isinstance(limit, int)
        assert limit >= 0


def test_what_a_queue_gives_up_arrives_in_its_dead_letter_queue() -> None:
    declared = topology(2)
    for queue in declared.queues:
        if queue.dead_letters is not None:
            binding = declared.binding_of(queue.dead_letters)
            assert (binding.exchange, binding.routing_key) == (
                queue.arguments["x-dead-letter-exchange"],
                queue.arguments["x-dead-letter-routing-key"],
            )
            assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
            assert queue.arguments["x-overflow"] == "reject-publish"


def test_no_partitions_are_refused() -> None:
    with pytest.raises(InputError, match="0 partitions cannot carry anything; give 1 or more"):
        topology(0)
