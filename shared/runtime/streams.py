"""The streams: their names, which pairs each carries.

All candles have one order, and `seq` is a candle's place in it. A partition is the share of it that one strategy
process judges: the candles of its pairs, each naming the one before it.
"""

from typing import Final
from zlib import crc32

from shared.contracts.errors import InputError
from shared.store.port import Reader, Store

EXECUTOR_STREAM: Final = "executor.0"
# The executor follows the assessed candles of all partitions in the order of the candles.
ALL_ASSESSED: Final = "assessed"
_EXECUTOR: Final = "executor"
_SETTING: Final = "partitions"


def partition_of(pair: str, partitions: int) -> int:
    """Return the partition whose strategy judges a pair."""
    return crc32(pair.encode()) % partitions


def candle_stream(partition: int) -> str:
    """Return the stream of a partition's candles."""
    return f"candles.{partition}"


def assessed_of(candles: str) -> str:
    """Return the stream in which the candles of a stream are assessed."""
    return f"assessed.{candles.rpartition('.')[2]}"


def candles_not_traded(reader: Reader) -> int:
    """Return how many candles are stored that the account has not been settled at: how far its executor is behind."""
    return max(reader.candle_count() - reader.cursor(_EXECUTOR, ALL_ASSESSED), 0)


def agree_on_partitions(store: Store, partitions: int, time: int) -> None:
    """Keep the number of partitions; raise InputError where the database was filled with another one.

    A pair that changed its partition could be judged by two processes at once.
    """
    with store.transaction() as transaction:
        known = transaction.remember_setting(_SETTING, str(partitions), time).body_json
    if known != str(partitions):
        raise InputError(
            f"setting deployment.partitions is {partitions}, but this database was filled with {known}; "
            "restore it, or use another database"
        )
