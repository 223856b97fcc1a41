"""What must hold of the account after every candle, whatever the market does."""

from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Final, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.instruments import instrument
from shared.core.account import AccountParams, Conditions, Outcome
from shared.core.market import market_step
from shared.core.strategies import STRATEGY_NAMES
from shared.core.types import (
    BUY,
    DAILY_LOSS_HALT,
    GATE_DAILY_LOSS,
    GATE_NAMES,
    HOLD,
    HOLD_BIT,
    NO_SIDE,
    PASSED,
    SECONDS_PER_DAY,
    SELL,
    SL_TP,
    TIMED,
    Assessment,
    Candle,
    Side,
)
from tests.fixtures.market import (
    M5,
    TUESDAY,
    Desk,
    MarketShape,
    account_params,
    assessment,
    candle,
    facts,
    fresh_market,
    market_params,
    random_candles,
    risk_params,
)

PAIRS: Final = ("AUD_USD", "EUR_GBP", "EUR_USD", "GBP_USD", "USD_JPY")
FIRST_PRICES: Final = (90_000, 85_000, 110_000, 130_000, 110_000)


class Settled(NamedTuple):
    """One step of the account: what went in and what came out."""

    pair: str
    each: Candle
    judged: Assessment
    outcome: Outcome


class Witness:
    """An account whose promises are checked after every step."""

    def __init__(self, params: AccountParams) -> None:
        """Open the account for all pairs."""
        self.desk = Desk(*PAIRS, params=params)
        self.steps: list[Settled] = []
        self.halts: dict[int, int] = {}

    def step(self, pair: str, each: Candle, judged: Assessment, *, held: bool = False) -> None:
        """Settle one candle and check all that must hold."""
        outcome = self.desk.step(pair, each, judged, conditions=Conditions(HOLD if held else PASSED, 0, 0))
        self.steps.append(Settled(pair, each, judged, outcome))
        self._check_money()
        self._check_verdicts(judged, outcome, held)
        self._check_halts(each.time // SECONDS_PER_DAY, outcome)
        self._check_positions(pair, outcome)

    def _rate(self, pair: str) -> Fraction:
        books, place = self.desk.books, self.desk.pairs.index
        if pair == "USD_JPY":
            return Fraction(2_000, books.bid_close[place(pair)] + books.ask_close[place(pair)])
        pound = place("GBP_USD")
        return Fraction(books.bid_close[pound] + books.ask_close[pound], 200_000) if pair == "EUR_GBP" else Fraction(1)

    def _check_money(self) -> None:
        state, books = self.desk.state, self.desk.books
        assert state.balance == self.desk.params.start_balance + sum(trade.profit for trade in self.desk.trades)
        unrealised = 0
        for place, pair in enumerate(PAIRS):
            if books.side[place] != NO_SIDE:
                last = books.bid_close[place] if books.side[place] == BUY else books.ask_close[place]
                points = books.side[place] * (last - books.entry_price[place]) * books.units[place]
                price = Fraction(points, instrument(pair).points_per_price)
                unrealised += round(price * self._rate(pair) * 10_000)
        assert state.equity == state.balance + unrealised

    def _check_verdicts(self, judged: Assessment, outcome: Outcome, held: bool) -> None:
        verdicts = (
            judged.session,
            judged.spread,
            judged.news,
            outcome.position_verdict,
            outcome.daily_loss_verdict,
            judged.market_state_verdict,
            0 if judged.signal else 14,
        )
        failing = [place for place, verdict in enumerate(verdicts) if verdict]
        assert outcome.failed == sum(1 << place for place in failing) | (HOLD_BIT if held else 0)
        if held:
            assert outcome.reason == HOLD
        elif failing:
            assert outcome.reason == verdicts[failing[0]]
        else:
            assert outcome.reason == (0 if self.desk.params.exit_mode == TIMED else outcome.refusal)
        assert len(verdicts) == len(GATE_NAMES)

    def _check_halts(self, day: int, outcome: Outcome) -> None:
        halted = bool(outcome.failed >> (GATE_DAILY_LOSS - 1) & 1)
        self.halts[day] = self.halts.get(day, 0) + outcome.halted_now
        assert self.halts[day] <= 1
        assert halted == (self.halts[day] == 1)
        if halted:
            assert self.desk.state.open_positions == 0
            assert not outcome.opened or outcome.halted_now
        limit = Fraction(self.desk.params.daily_loss_limit, 10_000)
        if not halted:
            assert Fraction(outcome.day_start_equity - outcome.equity, outcome.day_start_equity) < limit

    def _check_positions(self, pair: str, outcome: Outcome) -> None:
        books, place = self.desk.books, self.desk.pairs.index(pair)
        sides = [side for side in books.side if side != NO_SIDE]  # type: ignore[attr-defined]
        assert self.desk.state.open_positions == len(sides)
        if self.desk.params.exit_mode == SL_TP:
            assert len(sides) <= self.desk.params.max_open_positions
        if books.side[place] != NO_SIDE:
            side, entry = books.side[place], books.entry_price[place]
            assert side * books.stop_loss[place] < side * entry < side * books.take_profit[place]
            assert books.units[place] >= 1
        if outcome.opened and self.desk.params.exit_mode == SL_TP:
            assert outcome.failed == 0
            assert books.entry_time[place] == self.steps[-1].each.time + M5

    def finish(self) -> None:
        """Check what must hold of the trades as a whole."""
        until: dict[str, int] = {}
        for trade in self.desk.trades:
            assert trade.exit_time >= trade.entry_time
            assert trade.entry_time >= until.get(trade.pair, 0)
            until[trade.pair] = trade.exit_time
            direction = 1 if trade.side == "BUY" else -1
            assert direction * trade.stop_loss < direction * trade.entry_price < direction * trade.take_profit
            if trade.exit_reason == "stop_loss":
                assert direction * trade.exit_price <= direction * trade.stop_loss
                assert trade.profit <= 0
            if trade.exit_reason == "take_profit":
                assert direction * trade.exit_price >= direction * trade.take_profit
                assert trade.profit >= 0


class Move(NamedTuple):
    """How a drawn candle moves, in points, and what the market says of it."""

    gap: int
    body: int
    above: int
    below: int
    spread: int
    signal: Side
    atr: int
    reason: int
    held: bool


moves = st.builds(
    Move,
    st.integers(-80, 80),
    st.integers(-150, 150),
    st.integers(0, 150),
    st.integers(0, 150),
    st.integers(0, 20),
    st.sampled_from([BUY, SELL, NO_SIDE]),
    st.integers(1, 120),
    st.sampled_from([0, 0, 0, 0, 2]),
    st.sampled_from([False, False, False, True]),
)
# A row holds what happens to each pair at one time; a pair may lack a candle.
rows = st.lists(st.tuples(*(st.none() | moves for _ in PAIRS)), min_size=1, max_size=25)
accounts = st.builds(
    lambda mode, optimistic, risk, slippage, most, hold: account_params(
        exit_mode=mode,
        optimistic=optimistic,
        max_open_positions=most,
        hold_candles=hold,
        risk=risk_params(risk_fraction=risk, max_slippage_points=slippage, slippage_seed=7),
    ),
    st.sampled_from([SL_TP, TIMED]),
    st.booleans(),
    st.sampled_from([0.01, 0.02, 0.05]),
    st.sampled_from([0, 5]),
    st.integers(1, 4),
    st.integers(1, 4),
)


def drawn_steps(rows: list[tuple[Move | None, ...]]) -> Iterator[tuple[str, Candle, Assessment, bool]]:
    """Turn drawn moves into candles three hours apart and their assessments."""
    closes = list(FIRST_PRICES)
    for index, row in enumerate(rows):
        for place, (pair, move) in enumerate(zip(PAIRS, row, strict=True)):
            if move is None:
                continue
            opening = closes[place] + move.gap
            closes[place] = close = opening + move.body
            high, low = max(opening, close) + move.above, min(opening, close) - move.below
            each = candle(TUESDAY + index * 10_800, opening, high, low, close, spread=move.spread)
            atr = move.atr / instrument(pair).points_per_price
            yield pair, each, assessment(move.signal, atr, session=move.reason), move.held


@given(rows, accounts)
@settings(max_examples=200, deadline=None)
def test_account_keeps_its_promises_in_any_market(rows: list[tuple[Move | None, ...]], params: AccountParams) -> None:
    witness = Witness(params)
    for pair, each, judged, held in drawn_steps(rows):
        witness.step(pair, each, judged, held=held)
    witness.finish()


@given(rows, accounts)
@settings(max_examples=30, deadline=None)
def test_same_candles_give_the_same_ledger(rows: list[tuple[Move | None, ...]], params: AccountParams) -> None:
    desks = []
    for _ in range(2):
        desk = Desk(*PAIRS, params=params)
        outcomes = [
            desk.step(pair, each, judged, conditions=Conditions(HOLD if held else PASSED, 0, 0))
            for pair, each, judged, held in drawn_steps(rows)
        ]
        desks.append((desk.trades, desk.state, desk.books, outcomes))
    assert desks[0] == desks[1]


def market_steps(seed: int, strategy: str) -> Iterator[tuple[str, Candle, Assessment]]:
    """Judge the candles of random markets of all pairs, in the order in which the account takes them."""
    random = Random(seed)
    judged = []
    for place, (pair, price) in enumerate(zip(PAIRS, FIRST_PRICES, strict=True)):
        params = market_params(pair, strategy, "aggressive", max_spread_points=11)
        state, cells = fresh_market(params)
        for each in random_candles(random, 400, MarketShape(price=price, step=20, spike=0.1)):
            said = facts(each, news=int(random.random() < 0.05), session_open=random.random() < 0.9)
            state, assessed = market_step(state, cells, each, said, params)
            judged.append((each.time, place, pair, each, assessed))
    for _, _, pair, each, assessed in sorted(judged, key=lambda row: row[:2]):
        yield pair, each, assessed


@given(st.integers(0, 10**6), st.sampled_from(STRATEGY_NAMES), accounts)
@settings(max_examples=20, deadline=None)
def test_both_machines_keep_the_promises_in_random_markets(seed: int, strategy: str, params: AccountParams) -> None:
    witness = Witness(params)
    for pair, each, assessed in market_steps(seed, strategy):
        witness.step(pair, each, assessed)
    witness.finish()


def test_random_markets_open_stop_and_halt() -> None:
    # Guards the tests above against markets in which nothing happens.
    exits, reasons = set(), set()
    for seed, strategy in enumerate(("ema_vwap", "vwap_rsi", "bb_breakout")):
        witness = Witness(account_params(risk=risk_params(risk_fraction=0.02)))
        for pair, each, assessed in market_steps(seed, strategy):
            witness.step(pair, each, assessed)
        exits |= {trade.exit_reason for trade in witness.desk.trades}
        reasons |= {step.outcome.reason for step in witness.steps}
    assert exits == {"stop_loss", "take_profit", "daily_halt"}
    assert DAILY_LOSS_HALT in reasons
