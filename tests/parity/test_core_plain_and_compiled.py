"""The same machines as plain Python over lists and compiled over arrays: every bit that they write is equal."""

from collections.abc import Sequence
from random import Random
from typing import Final, NamedTuple

import pytest

from shared.core.strategies import STRATEGIES
from shared.core.strategy import AnyStrategy
from shared.core.types import EXIT_MODE_NAMES, REASON_NAMES, SL_TP, TIMED, CalendarFacts, Candle
from tests.fixtures.market import (
    MarketShape,
    Setup,
    account_params,
    facts,
    market_params,
    random_candles,
    risk_params,
    run_engine,
)

CANDLES: Final = 700


class Pairs(NamedTuple):
    """Pairs of a run and the fixed rates that it knows."""

    names: tuple[str, ...]
    rates: dict[str, tuple[int, int]]
    currency: str = "USD"


FIXED_RATES: Final = {
    "USD_CHF": (9, 10),
    "GBP_USD": (1_312_345, 1_000_000),
    "USD_JPY": (110_123, 1_000),
    "NZD_USD": (86, 100),
}
PAIRS: Final = {
    "one pair": Pairs(("EUR_USD",), {}),
    "yen converted by itself": Pairs(("EUR_USD", "USD_JPY"), {}),
    "cross converted by a candle": Pairs(("EUR_GBP", "GBP_USD", "USD_JPY"), {}),
    "cross without a rate": Pairs(("EUR_GBP", "EUR_USD", "USD_JPY"), {}),
    "crosses with fixed rates": Pairs(("AUD_NZD", "EUR_CHF", "EUR_GBP", "GBP_JPY"), FIXED_RATES),
    "account in euros": Pairs(("EUR_GBP", "EUR_JPY", "EUR_USD", "GBP_USD"), {}, "EUR"),
}
PRICES: Final = {"JPY": 110_000, "GBP": 85_000, "USD": 120_000, "CHF": 105_000, "NZD": 107_000}


def eventful_facts(random: Random, candles: Sequence[Candle]) -> list[CalendarFacts]:
    """Return facts with spells of news, closed sessions and a closed market, and days of 200 candles."""
    found, calm = [], {"market_open": True, "session_open": True, "news": 0}
    spells = [*(calm,) * 9, calm | {"news": 1}, calm | {"session_open": False}, calm | {"market_open": False}]
    spell = calm
    for index, each in enumerate(candles):
        if random.random() < 0.05:
            spell = random.choice(spells)
        found.append(facts(each, trading_day=index // 200, **spell))
    return found


def setup_of(strategy: str, pairs: Pairs, mode: int, seed: int) -> Setup:
    """Return a random run of a strategy on some pairs with slippage, in one of the modes."""
    random = Random(seed)
    candles = {
        name: random_candles(random, CANDLES, MarketShape(price=PRICES[name[4:]], step=20, spike=0.01))
        for name in pairs.names
    }
    return Setup(
        candles,
        {name: market_params(name, strategy, "aggressive", max_spread_points=11) for name in pairs.names},
        account_params(
            exit_mode=mode,
            optimistic=seed % 2 == 1,
            max_open_positions=2,
            risk=risk_params(max_slippage_points=4, slippage_seed=seed, stop_atr=1.0),
        ),
        {name: eventful_facts(random, candles[name]) for name in pairs.names},
        pairs.currency,
        pairs.rates,
    )


@pytest.mark.parametrize("mode", [SL_TP, TIMED], ids=lambda mode: EXIT_MODE_NAMES[mode])
@pytest.mark.parametrize("pairs", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)
def test_plain_and_compiled_runs_are_identical(strategy: AnyStrategy, pairs: Pairs, mode: int) -> None:
    trades = 0
    for seed in range(3):
        setup = setup_of(strategy.name, pairs, mode, seed)
        plain, fast = run_engine(setup, machine_code=False), run_engine(setup, machine_code=True)
        assert plain.trades == fast.trades
        assert plain.written == fast.written
        assert plain.balance == fast.balance
        trades += len(plain.trades)
    assert trades > 1


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)
def test_cross_without_a_rate_is_refused_alike(strategy: AnyStrategy) -> None:
    seen: set[str] = set()
    for seed in range(4):
        setup = setup_of(strategy.name, PAIRS["cross without a rate"], SL_TP, seed)
        plain, fast = (run_engine(setup, machine_code=fast).reasons for fast in (False, True))
        assert plain == fast
        seen |= {REASON_NAMES[reason] for reason in plain}
    assert "no_conversion_rate" in seen


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda each: each.name)
def test_same_input_gives_the_same_run(strategy: AnyStrategy) -> None:
    first, second = (
        run_engine(setup_of(strategy.name, PAIRS["account in euros"], SL_TP, 3), machine_code=True) for _ in range(2)
    )
    assert first == second
