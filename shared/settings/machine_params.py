"""From settings to the parameters of the core's machines."""

from collections.abc import Callable, Sequence

from shared.core.account import AccountParams
from shared.core.books import PairTable, pair_table
from shared.core.market import MarketParams
from shared.core.risk import RiskParams
from shared.core.strategies import strategy_named
from shared.core.types import QUANTA_PER_UNIT, SL_TP, Instrument, IntegerCells
from shared.settings.settings import PairSettings, Settings


def market_params(settled: PairSettings) -> MarketParams:
    """Return what the market machine of a pair is set to."""
    strategy = strategy_named(settled.strategy)
    return MarketParams(
        points_per_price=settled.instrument.points_per_price,
        max_spread_points=settled.max_spread_points,
        allowed_states=strategy.allowed_states,
        strategy=strategy.params(**settled.parameters),
    )


def account_params(
    settings: Settings, exit_mode: int = SL_TP, hold_candles: int = 5, optimistic: bool = False
) -> AccountParams:
    """Return what the account machine is set to."""
    risk = settings.risk
    return AccountParams(
        start_balance=int(settings.account.start_balance * QUANTA_PER_UNIT),
        max_open_positions=settings.gates.max_open_positions,
        daily_loss_limit=int(settings.gates.daily_loss_percent * 100),
        exit_mode=exit_mode,
        hold_candles=hold_candles,
        optimistic=optimistic,
        risk=RiskParams(
            risk_fraction=risk.risk_percent / 100.0,
            stop_atr=risk.stop_atr,
            target_ratio=risk.target_ratio,
            max_leverage=risk.max_leverage,
            minimum_units=risk.minimum_units,
            max_slippage_points=risk.max_slippage_points,
            slippage_seed=risk.slippage_seed,
        ),
    )


def conversion_table(
    settings: Settings, instruments: Sequence[Instrument], cells: Callable[[Sequence[int]], IntegerCells]
) -> PairTable:
    """Return the table of a run's pairs, in the order given; `cells` makes lists or arrays of its columns."""
    static_rates = {pair: rate.as_integer_ratio() for pair, rate in settings.rates.items()}
    return pair_table(instruments, settings.account.currency, static_rates, cells)
