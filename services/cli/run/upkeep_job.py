"""`scalpbot run upkeep`: old rows of a database on a server."""

from services.cli.database import database_url
from services.cli.run.asked import UpkeepAsked
from services.cli.run.service import service_of
from services.upkeep.process import SERVICE, run_upkeep


def run_upkeep_verb(asked: UpkeepAsked) -> None:
    """Delete once a day what is old while this process leads, until it is to stop."""
    service = service_of(SERVICE, asked)
    url = database_url(asked.database, service.settings)
    with service.process() as process:
        run_upkeep(process, service.settings, url)
