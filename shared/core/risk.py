"""From decision to order: stops, size, slippage and exact money."""

import math
from typing import Final, NamedTuple

from shared.core.jit import jitable
from shared.core.types import (
    BUY,
    NO_CONVERSION_RATE,
    NO_SIDE,
    PASSED,
    QUANTA_PER_UNIT,
    SIZE_BELOW_MINIMUM,
    STOP_INSIDE_SPREAD,
    Reason,
    Side,
)

ENTRY_LEG: Final = 0
EXIT_LEG: Final = 1
_LOW_32_BITS: Final = 0xFFFFFFFF


class RiskParams(NamedTuple):
    """How an order is sized and protected; money in quanta, slippage in points."""

    risk_fraction: float
    stop_atr: float
    target_ratio: float
    max_leverage: float
    minimum_units: int
    max_slippage_points: int
    slippage_seed: int


class Rate(NamedTuple):
    """An exact conversion rate numerator/denominator to the account currency; denominator 0 means unknown."""

    numerator: int
    denominator: int


class Order(NamedTuple):
    """An entry that carries its stop loss and take profit, or (side 0) the reason why there is none."""

    side: Side
    units: int
    entry_price: int
    stop_loss: int
    take_profit: int
    slippage: int
    refusal: Reason


@jitable
def scale_half_even(value: int, numerator: int, denominator: int) -> int:
    """Return value * numerator / denominator rounded half to even, exactly, without a product beyond 64 bits.

    `denominator` is positive.
    """
    whole = value // denominator
    rest = (value - whole * denominator) * numerator
    quotient = whole * numerator + rest // denominator
    twice = 2 * (rest % denominator)
    if twice > denominator or (twice == denominator and quotient % 2 != 0):
        return quotient + 1
    return quotient


@jitable
def profit_quanta(points: int, units: int, points_per_price: int, rate: Rate) -> int:
    """Return the profit of a move in points on some units, in quanta of the account currency, half to even."""
    # Quanta and points are powers of ten: cancel them, so that the numbers stay small.
    if points_per_price >= QUANTA_PER_UNIT:
        divisor = points_per_price // QUANTA_PER_UNIT
        return scale_half_even(points * units, rate.numerator, rate.denominator * divisor)
    factor = QUANTA_PER_UNIT // points_per_price
    return scale_half_even(points * units, rate.numerator * factor, rate.denominator)


@jitable
def tolerant_floor(quotient: float) -> int:
    """Round down, taking a quotient within a relative 1e-12 of the next integer as that integer."""
    below = math.floor(quotient)
    above = below + 1
    return above if above - quotient <= 1e-12 * above else below


@jitable
def _mixed(bits: int) -> int:
    """Scramble 32 bits (the finaliser known as lowbias32, by C. Wellons)."""
    bits = ((bits ^ (bits >> 16)) * 0x7FEB352D) & _LOW_32_BITS
    bits = ((bits ^ (bits >> 15)) * 0x846CA68B) & _LOW_32_BITS
    return bits ^ (bits >> 16)


@jitable
def slippage_points(params: RiskParams, pair_key: int, candle_time: int, leg: int) -> int:
    """Draw adverse slippage, uniform over 0..max whole points, from (seed, pair, candle time, leg) alone."""
    if params.max_slippage_points == 0:
        return 0
    bits = _mixed(params.slippage_seed & _LOW_32_BITS)
    bits = _mixed(bits ^ ((params.slippage_seed >> 32) & _LOW_32_BITS))
    bits = _mixed(bits ^ (pair_key & _LOW_32_BITS))
    bits = _mixed(bits ^ (candle_time & _LOW_32_BITS))
    bits = _mixed(bits ^ ((candle_time >> 32) & _LOW_32_BITS))
    bits = _mixed(bits ^ leg)
    return (bits * (params.max_slippage_points + 1)) >> 32


@jitable
def _nearest_point(price_points: float) -> int:
    return math.floor(price_points + 0.5)


@jitable
def _refused(reason: Reason) -> Order:
    return Order(NO_SIDE, 0, 0, 0, 0, 0, reason)


@jitable
def price_order(
    side: Side, bid: int, ask: int, atr: float, slippage: int, points_per_price: int, params: RiskParams
) -> Order:
    """Place entry, stop loss and take profit around bid and ask; `atr` is a price. Units are still 0."""
    stop_distance = params.stop_atr * atr
    target_distance = params.target_ratio * stop_distance
    entry = ask + slippage if side == BUY else bid - slippage
    stop_loss = _nearest_point(entry - side * stop_distance * points_per_price)
    take_profit = _nearest_point(entry + side * target_distance * points_per_price)
    inside = stop_loss >= bid if side == BUY else stop_loss <= ask
    if inside:
        return _refused(STOP_INSIDE_SPREAD)
    return Order(side, 0, entry, stop_loss, take_profit, slippage, PASSED)


@jitable
def size_order(
    order: Order,
    equity_quanta: int,
    open_notional: float,
    points_per_price: int,
    minimum_units: int,
    rate: Rate,
    params: RiskParams,
) -> Order:
    """Size a priced order by risk, within the leverage that open positions leave, or refuse it.

    `open_notional` is the notional of the open positions in the account currency, `minimum_units` the pair's own
    smallest order.
    """
    if rate.denominator == 0:
        return _refused(NO_CONVERSION_RATE)
    equity = equity_quanta / QUANTA_PER_UNIT
    conversion = rate.numerator / rate.denominator
    risk_per_unit = abs(order.entry_price - order.stop_loss) / points_per_price * conversion
    units = tolerant_floor(equity * params.risk_fraction / risk_per_unit)
    notional_per_unit = order.entry_price / points_per_price * conversion
    room = params.max_leverage * equity - open_notional
    units = min(units, tolerant_floor(room / notional_per_unit))
    if units < max(1, minimum_units, params.minimum_units):
        return _refused(SIZE_BELOW_MINIMUM)
    return Order(
        order.side, units, order.entry_price, order.stop_loss, order.take_profit, order.slippage, order.refusal
    )
