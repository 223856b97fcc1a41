"""A backtest's report as a JSON document: figures and money as numbers, prices and times as text."""

from typing import Any

from services.backtest.metrics import Metrics
from services.backtest.result import OpenPosition
from services.backtest.study import Study
from services.backtest.trade_list import in_order
from services.backtest.walk_forward import JudgedSpan, Split, WalkForward
from services.cli.backtest.report import BacktestReport, PairInput
from services.cli.terminal.output import figure, money_figure, money_number
from shared.contracts.decimals import format_points
from shared.contracts.shown import shown_entry, trade_hash, trade_texts
from shared.contracts.times import format_time
from shared.contracts.trades import ClosedTrade
from shared.core.types import EXIT_MODE_NAMES, POINTS_PER_PIP, SIDE_NAMES, TIMED


def backtest_document(report: BacktestReport) -> dict[str, Any]:
    """Return the whole report."""
    study = report.study
    result = study.result
    rules = result.rules
    return {
        "candles": result.candles,
        "trades": len(result.trades),
        "net": money_number(result.net),
        "trade_hash": trade_hash(result.trades),
        "currency": report.currency,
        "start_balance": money_number(result.start_balance),
        "balance": money_number(result.balance),
        "equity": money_number(result.equity),
        "mode": EXIT_MODE_NAMES[rules.exit_mode],
        "hold_bars": rules.hold_candles if rules.exit_mode == TIMED else None,
        "ordering": "optimistic" if rules.optimistic else "pessimistic",
        "news": report.news,
        "max_slippage_pips": float(report.max_slippage_pips),
        "first_open_time": format_time(result.start_time),
        "last_decision_time": format_time(result.end_time),
        "pairs": [_pair(each) for each in report.inputs],
        "metrics": _metrics(study.metrics),
        "costs": _costs(study.metrics),
        "funnel": [count._asdict() for count in study.funnel.gates],
        "passed_all_gates": study.funnel.passed,
        "entries": study.funnel.entries,
        "refusals": dict(result.refusals),
        "ambiguous": _ambiguous(study),
        "thresholds": [threshold._asdict() | {"value": figure(threshold.value)} for threshold in study.thresholds],
        "validation": None if study.split is None else _split(study.split),
        "walk_forward": None if study.walk is None else _walk(study.walk),
        "open_positions": [_position(position) for position in result.open_positions],
        "pending_entries": [{"pair": entry.pair, "side": SIDE_NAMES[entry.side]} for entry in result.pending_entries],
        "warnings": report.warnings(),
        "trade_list": [_trade(trade) for trade in in_order(result.trades)],
    }


def _pair(each: PairInput) -> dict[str, Any]:
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


def _metrics(metrics: Metrics) -> dict[str, Any]:
    return {
        "trades": metrics.trades,
        "wins": metrics.wins,
        "losses": metrics.losses,
        "win_rate_percent": figure(metrics.win_rate_percent),
        "profit_factor": figure(metrics.profit_factor),
        "expectancy": money_figure(metrics.expectancy),
        "expectancy_r": figure(metrics.expectancy_r),
        "net": money_figure(metrics.net),
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


def _costs(metrics: Metrics) -> dict[str, Any]:
    return {
        "spread": money_figure(metrics.spread_cost),
        "slippage": money_figure(metrics.slippage_cost),
        "total": money_figure(metrics.spread_cost + metrics.slippage_cost),
    }


def _ambiguous(study: Study) -> dict[str, Any]:
    return {
        "trades": study.ambiguity.trades,
        "pessimistic_net": money_number(study.ambiguity.pessimistic_net),
        "optimistic_net": money_number(study.ambiguity.optimistic_net),
    }


def _side(side: JudgedSpan) -> dict[str, Any]:
    return {
        "first_open_time": format_time(side.start_time),
        "last_decision_time": format_time(side.end_time),
        "candles": side.candles,
        "metrics": _metrics(side.metrics),
    }


def _split(split: Split) -> dict[str, Any]:
    return {
        "train": _side(split.train),
        "validation": _side(split.validation),
        "win_rate_gap_points": figure(split.win_rate_gap_points),
        "decay_percent": figure(split.decay_percent),
        "judged": split.win_rate_gap_points is not None,
        "overfit": split.overfit,
    }


def _walk(walk: WalkForward) -> dict[str, Any]:
    return {
        "anchored": walk.anchored,
        "out_of_sample_trades": walk.trades,
        "out_of_sample_net": money_figure(walk.net),
        "decay_percent": figure(walk.decay_percent),
        "overfit": walk.overfit,
        "windows": [{"profile": window.profile, **_split(window.split)} for window in walk.windows],
    }


def _position(position: OpenPosition) -> dict[str, Any]:
    return {
        **shown_entry(position.entry),
        "last_price": format_points(position.last_price, position.entry.digits),
        "unrealised": money_number(position.unrealised),
    }


def _trade(trade: ClosedTrade) -> dict[str, Any]:
    return {
        **trade_texts(trade),
        "units": trade.entry.units,
        "pnl_pips": round(trade.exit.pnl_points / POINTS_PER_PIP, 1),
        "pnl": money_number(trade.profit),
        "ambiguous": trade.exit.ambiguous,
        "spread_cost": money_number(trade.costs.spread),
        "slippage_cost": money_number(trade.costs.slippage),
    }


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
