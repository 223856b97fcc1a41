"""Which rates a run lacks to convert what its pairs earn, said in sentences that name them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from shared.contracts.instruments import LISTED
from shared.core.books import NO_PAIR, SAME_CURRENCY
from shared.core.types import Instrument, integers_in_list
from shared.settings.machine_params import conversion_table
from shared.settings.settings import Settings

_NONE: Final[Mapping[str, int]] = MappingProxyType({})


def rate_notes(settings: Settings, pairs: Sequence[str], refused: Mapping[str, int] = _NONE) -> list[str]:
    """Say of each pair without a rate from its quote to the account's currency which one is missing and how to give it.

    `pairs` are those that are traded beside each other; `refused` holds how many orders of a pair were refused for want
    of a rate, which also happens before the first candle of the pair that gives it.
    """
    instruments = [settings.pair(pair).instrument for pair in sorted(set(pairs))]
    table = conversion_table(settings, instruments, integers_in_list)
    found = []
    for place, each in enumerate(instruments):
        if table.conversion[place] == SAME_CURRENCY or table.static_denominator[place] != 0:
            continue
        source, orders = table.conversion_pair[place], refused.get(each.name, 0)
        if source == NO_PAIR:
            found.append(_never(each, settings.account.currency, orders))
        elif orders:
            found.append(_not_yet(each, settings.account.currency, instruments[source].name, orders))
    return found


def _never(each: Instrument, account: str, orders: int) -> str:
    # The pair of the two that is traded somewhere, which may be the other way round.
    direct, inverse = f"{each.quote}_{account}", f"{account}_{each.quote}"
    rate = inverse if direct not in LISTED and inverse in LISTED else direct
    done = f"{_orders(orders)} in {each.name} {_were(orders)}" if orders else f"every order in {each.name} is"
    return (
        f"No rate converts {each.quote} to the account's {account}, so {done} refused (no_conversion_rate): trade "
        f"{rate} beside it, or give its price under [rates] in the settings: {rate} = ..."
    )


def _not_yet(each: Instrument, account: str, source: str, orders: int) -> str:
    return (
        f"{_orders(orders)} in {each.name} {_were(orders)} refused (no_conversion_rate), because no rate converts "
        f"{each.quote} to the account's {account} before the first candle of {source}: begin with candles of both, or "
        f"give its price under [rates] in the settings: {source} = ..."
    )


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count:,} orders"


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
