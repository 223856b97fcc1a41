"""Verdicts, endings and events in a trader's words."""

from collections.abc import Mapping
from typing import Any, Final

REASON_WORDS: Final = {
    "passed": "passed",
    "market_closed": "the market is closed for the weekend",
    "session_closed": "outside the pair's trading sessions",
    "spread_too_wide": "the spread is wider than the limit",
    "news_window": "a high-impact event for one of the currencies is near",
    "news_calendar_missing": "there is no fresh news calendar",
    "position_open": "a position in this pair is open",
    "max_open_positions": "the account holds the maximum number of positions",
    "daily_loss_halt": "trading is halted for the day after its loss limit was reached",
    "warming_up": "the indicators have not seen enough candles yet",
    "state_volatile": "the market is volatile without a trend, which no strategy trades",
    "state_ranging": "the market is ranging, which this strategy does not trade",
    "state_weak_trend": "the market trends weakly, which this strategy does not trade",
    "state_trending": "the market is trending, which this strategy does not trade",
    "no_signal": "the strategy gives no signal",
    "hold": "an operator has put this pair on hold",
    "stale_data": "the candle came too late for an entry",
    "stop_inside_spread": "the stop loss would lie inside the spread",
    "no_conversion_rate": "no rate is known to convert the pair's quote currency to the account's; trade the pair of "
    "the two beside it, or give its price under [rates] in the settings",
    "size_below_minimum": "the position would be smaller than the minimum",
}

EXIT_WORDS: Final = {
    "open": "still open",
    "stop_loss": "stopped out",
    "take_profit": "closed by its take profit",
    "time_exit": "closed after its holding time",
    "daily_halt": "closed by the daily halt",
    "operator_close": "closed by an operator",
    "kill_switch": "closed by the kill switch",
}


def event_words(event: Mapping[str, Any]) -> str:
    """Tell an event of the account, given its type, pair and details."""
    match event["type"]:
        case "account.day_started":
            return f"trading day {event['trading_day']} began with equity {event['start_equity']}"
        case "trade.closed":
            return (
                f"the open {event['side']} in {event['pair']} was {EXIT_WORDS[event['exit_reason']]} at "
                f"{event['exit_price']}, P/L {event['pnl']}"
            )
        case "account.halted":
            return f"trading halted for the day, equity {event['equity']}, {event['start_equity']} at its start"
        case "trade.opened":
            return f"{event['side']} {event['units']} {event['pair']} opened at {event['entry_price']}"
        case _:
            return f"{event['side']} order in {event['pair']} refused, {REASON_WORDS[event['reason']]}"
