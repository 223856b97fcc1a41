"""`scalpbot indicators`: all indicators of a candle file."""

from services.cli.groups import with_groups
from services.cli.indicators import job
from services.cli.indicators.order import IndicatorOrder


@with_groups
def indicators(order: IndicatorOrder) -> None:
    """Compute all indicators of a candle file, on mid prices, as CSV with 10 significant digits.

    Times are open times in UTC. A field is empty while its indicator is not valid yet.
    """
    job.run_indicators_verb(order)
