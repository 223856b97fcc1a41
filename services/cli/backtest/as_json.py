"""A backtest's report as a JSON document."""

from typing import cast, overload

from services.backtest import thresholds
from services.backtest.metrics import Metrics
from services.backtest.result import OpenPosition
from services.backtest.study import Study
from services.backtest.trade_list import in_order
from services.backtest.walk_forward import JudgedSpan, Split, WalkForward
from services.cli.backtest.report import BacktestReport, PairInput
from services.cli.documents import backtest as documents
from services.cli.documents.account import gate_documents
from services.cli.documents.backtest import (
    AmbiguousTrades,
    Backtest,
    BacktestCosts,
    BacktestPair,
    BacktestTrade,
    LeftOpen,
    Threshold,
)
from services.cli.terminal.output import figure
from shared.contracts.decimals import MONEY_DIGITS, format_money, format_points
from shared.contracts.shown import shown_entry, shown_exit, trade_hash
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.core.types import EXIT_MODE_NAMES, SIDE_NAMES, TIMED


def backtest_document(report: BacktestReport) -> Backtest:
    """Return the whole report."""
    study = report.study
    result = study.result
    rules = result.rules
    return {
        "ok": True,
        "candles": result.candles,
        "trades": len(result.trades),
        "net": format_money(result.net),
        "trade_hash": trade_hash(result.trades),
        "currency": report.currency,
        "start_balance": format_money(result.start_balance),
        "balance": format_money(result.balance),
        "equity": format_money(result.equity),
        "mode": EXIT_MODE_NAMES[rules.exit_mode],
        "hold_bars": rules.hold_candles if rules.exit_mode == TIMED else None,
        "ordering": "optimistic" if rules.optimistic else "pessimistic",
        "news": report.news,
        "max_slippage_pips": str(report.max_slippage_pips),
        "first_open_time": format_time(result.start_time),
        "last_decision_time": format_time(result.end_time),
        "pairs": [_pair(each) for each in report.inputs],
        "metrics": _metrics(study.metrics),
        "costs": _costs(study.metrics),
        "funnel": gate_documents(study.funnel.gates),
        "passed_all_gates": study.funnel.passed,
        "entries": study.funnel.entries,
        "refusals": dict(result.refusals),
        "ambiguous": _ambiguous(study),
        "thresholds": [_threshold(each) for each in study.thresholds],
        "validation": None if study.split is None else _split(study.split),
        "walk_forward": None if study.walk is None else _walk(study.walk),
        "open_positions": [_position(position) for position in result.open_positions],
        "pending_entries": [{"pair": entry.pair, "side": SIDE_NAMES[entry.side]} for entry in result.pending_entries],
        "warnings": report.warnings(),
        "trade_list": [_trade(trade) for trade in in_order(result.trades)],
    }


def _pair(each: PairInput) -> BacktestPair:
    return {
        "pair": each.pair,
        "file": each.file,
        "header": each.header_kind,
        "granularity": each.granularity,
        "candles": each.candles,
        "rejected_rows": each.rejected_rows,
        "first_open_time": format_time(each.first_time),
        "last_open_time": format_time(each.last_time),
        "strategy": each.strategy,
        "profile": each.profile,
        "parameters": dict(each.parameters),
        "settings_digest": each.settings_digest,
    }


def _metrics(metrics: Metrics) -> documents.Metrics:
    return {
        "trades": metrics.trades,
        "wins": metrics.wins,
        "losses": metrics.losses,
        "win_rate_percent": figure(metrics.win_rate_percent),
        "profit_factor": figure(metrics.profit_factor),
        "expectancy": _money(metrics.expectancy),
        "expectancy_r": figure(metrics.expectancy_r),
        "net": _money(metrics.net),
        "return_percent": figure(metrics.return_percent),
        "max_drawdown_percent": figure(metrics.max_drawdown.percent),
        "max_drawdown_peak_time": _time(metrics.max_drawdown.peak_time),
        "max_drawdown_trough_time": _time(metrics.max_drawdown.trough_time),
        "sharpe": figure(metrics.sharpe),
        "sortino": figure(metrics.sortino),
        "calmar": figure(metrics.calmar),
        "exposure_percent": figure(metrics.exposure_percent),
        "mean_holding_seconds": figure(metrics.mean_holding_seconds),
        "max_consecutive_losses": metrics.max_consecutive_losses,
        "fx_days": metrics.fx_days,
        "trades_per_day": figure(metrics.trades_per_day),
    }


def _costs(metrics: Metrics) -> BacktestCosts:
    return {
        "spread": _money(metrics.spread_cost),
        "slippage": _money(metrics.slippage_cost),
        "total": _money(metrics.spread_cost + metrics.slippage_cost),
    }


def _ambiguous(study: Study) -> AmbiguousTrades:
    return {
        "trades": study.ambiguity.trades,
        "pessimistic_net": format_money(study.ambiguity.pessimistic_net),
        "optimistic_net": format_money(study.ambiguity.optimistic_net),
    }


def _side(side: JudgedSpan) -> documents.JudgedSpan:
    return {
        "first_open_time": format_time(side.start_time),
        "last_decision_time": format_time(side.end_time),
        "candles": side.candles,
        "metrics": _metrics(side.metrics),
    }


def _split(split: Split) -> documents.Split:
    return {
        "train": _side(split.train),
        "validation": _side(split.validation),
        "win_rate_gap_points": figure(split.win_rate_gap_points),
        "decay_percent": figure(split.decay_percent),
        "judged": split.win_rate_gap_points is not None,
        "overfit": split.overfit,
    }


def _walk(walk: WalkForward) -> documents.WalkForward:
    return {
        "anchored": walk.anchored,
        "out_of_sample_trades": walk.trades,
        "out_of_sample_net": _money(walk.net),
        "decay_percent": figure(walk.decay_percent),
        "overfit": walk.overfit,
        "windows": [{"profile": window.profile, **_split(window.split)} for window in walk.windows],
    }


def _position(position: OpenPosition) -> LeftOpen:
    marked = {
        "last_price": format_points(position.last_price, position.entry.digits),
        "unrealised_pnl": format_money(position.unrealised),
    }
    return cast("LeftOpen", {**shown_entry(position.entry), **marked})


def _trade(trade: ClosedTrade) -> BacktestTrade:
    paid = {"spread_cost": format_money(trade.costs.spread), "slippage_cost": format_money(trade.costs.slippage)}
    shown = {**shown_entry(trade.entry), **shown_exit(trade.entry, trade.exit), **paid}
    return cast("BacktestTrade", shown)


def _threshold(each: thresholds.Threshold) -> Threshold:
    return {
        "name": each.name,
        "value": figure(each.value),
        "comparison": each.comparison,
        "limit": each.limit,
        "verdict": each.verdict.value,
    }


@overload
def _money(amount: float) -> str: ...
@overload
def _money(amount: None) -> None: ...
def _money(amount: float | None) -> str | None:
    """Return an amount that was reckoned, as money is written."""
    return None if amount is None else f"{amount:.{MONEY_DIGITS}f}"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
