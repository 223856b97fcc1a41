"""`scalpbot backtest`: its options."""

import gc

from services.cli.backtest import job
from services.cli.backtest.order import BacktestOrder
from services.cli.groups import with_groups


@with_groups
def backtest(order: BacktestOrder) -> None:
    """Trade candle files with the settings in force, and judge the result. Nothing is stored.

    The same candles and settings give the same trades as a paper run; compare the trade hashes.
    """
    # A batch makes hardly any garbage, and looking for it during the imports costs a tenth of a second.
    gc.disable()
    try:
        job.run_backtest_verb(order)
    finally:
        gc.enable()
