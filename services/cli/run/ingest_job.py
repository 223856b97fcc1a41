"""`scalpbot run ingest`: candle files, or OANDA's feed."""

from services.cli.inputs import candle_files, candle_notes, live_pairs, parse_speed, read_candles
from services.cli.run.asked import Asked, IngestOrder
from services.cli.run.service import Service, service_of
from services.cli.terminal.output import note
from services.ingest.feed import SERVICE
from services.ingest.live.opened import require_account
from services.ingest.live.process import run_ingest_live
from services.ingest.process import run_ingest
from shared.contracts.errors import InputError
from shared.contracts.runs import Feed


def run_ingest_verb(asked: Asked, order: IngestOrder) -> None:
    """Bring candles in until the process is to stop."""
    service = service_of(SERVICE, asked)
    if order.feed is Feed.OANDA:
        _follow(service, order)
    else:
        _replay(service, order)


def _replay(service: Service, order: IngestOrder) -> None:
    speed = parse_speed(order.speed)
    if not order.csv:
        raise InputError("there is nothing to replay: give candle files with --csv, or --feed oanda")
    settings = service.settings
    files = candle_files(order.csv, None, settings)
    reads = read_candles(files, settings, order.granularity, order.skip_bad_rows)
    for sentence in candle_notes(reads, settings):
        note(sentence)
    store_url, broker_url = service.addresses
    with service.process() as process:
        run_ingest(
            process,
            [read.series for read in reads],
            settings.deployment.partitions,
            speed=speed,
            once=order.once,
            store_url=store_url,
            broker_url=broker_url,
        )


def _follow(service: Service, order: IngestOrder) -> None:
    addresses = service.addresses
    if order.csv:
        raise InputError("--csv goes with --feed replay; OANDA's candles come over the network")
    names = live_pairs(order.pairs)
    require_account(service.settings.runtime)
    with service.process() as process:
        run_ingest_live(process, service.settings, names, *addresses)
