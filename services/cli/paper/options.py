"""`scalpbot paper`: its options."""

from services.cli.groups import with_groups
from services.cli.paper import job
from services.cli.paper.order import PaperOrder


@with_groups
def paper(order: PaperOrder) -> None:
    """Trade candles on paper through all services in this process, and store everything.

    LIVE follows OANDA's candles and prices until it is stopped, and opens nothing there. Running it again continues:
    candles that the database holds are not traded twice, whatever interrupted the run.
    """
    job.run_paper_verb(order)
