"""Service processes over RabbitMQ and PostgreSQL end with the trades of the backtest."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from shared.contracts.shown import trade_hash
from shared.core.columns import CandleSeries
from shared.runtime.heartbeat import standing_of
from shared.runtime.lease import Standing
from shared.runtime.param_versions import save_params, section_of
from shared.runtime.streams import partition_of
from shared.settings.settings import Settings, load_settings
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.backtested import run_backtest
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.fixtures.paper import PAIRS, SAMPLE, cut_sample, sample_calendar, sample_series
from tests.material import shared_material
from tests.tools.scalpbot_run import run_verb

# A week and more of M5 candles.
WEEKS: Final = 2_000


@pytest.fixture(name="deployment")
def deployment_(postgres_url: str, vhost_url: str, tmp_path: Path) -> Iterator[Deployment]:
    declare(vhost_url, len(PAIRS))
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    yield deployment
    deployment.close()


def sample_file(pair: str) -> str:
    return str(SAMPLE / f"{pair}_M5_sample.csv")


def read(files: Sequence[str]) -> list[CandleSeries]:
    return [read_candle_file(parse_candle_argument(file), model_spread_points=0).series for file in files]


def test_replay_through_processes_ends_with_the_hash_of_the_backtest(deployment: Deployment, tmp_path: Path) -> None:
    series = sample_series(*PAIRS, candles=WEEKS)
    expected = trade_hash(run_backtest(series, Settings(), calendar=sample_calendar()).trades)
    files = [f"{pair}={cut_sample(tmp_path, pair, WEEKS)}" for pair in PAIRS]
    deployment.start_all(files, news=SAMPLE / "calendar_sample.json", partitions=len(PAIRS))
    candles = sum(len(each.time) for each in series)
    deployment.wait_until_traded(candles)
    assert deployment.ledger_hash() == expected
    with closing(open_store(deployment.store_url)) as store:
        wait_until(lambda: all_sent(store), 20.0, "all messages are sent")
    strategies = [deployment.metrics(f"strategy.{partition}") for partition in range(len(PAIRS))]
    published = [figures["scalpbot_outbox_published_total"] for figures in strategies]
    assert published == [len(each.time) for each in sorted(series, key=partition_of_series)]


def all_sent(store: Store) -> bool:
    with store.reading() as reader:
        return reader.outbox_count() == 0


def partition_of_series(series: CandleSeries) -> int:
    return partition_of(series.instrument.name, len(PAIRS))


def test_of_two_ingests_and_two_strategies_one_works_and_the_other_waits_and_says_so(
    deployment: Deployment, tmp_path: Path
) -> None:
    file = ("--csv", f"EUR_USD={cut_sample(tmp_path, 'EUR_USD', 600)}", "--speed", "60000")
    deployment.start("executor")
    for leader, waiting, arguments in (("strategy.a", "strategy.b", ()), ("ingest.a", "ingest.b", file)):
        deployment.start(leader, *arguments)
        wait_until(lambda name=leader: says(deployment, name, "leading"), 90.0, f"{leader} leads")  # type: ignore[misc]
        deployment.start(waiting, *arguments)
        wait_until(lambda name=waiting: says(deployment, name, "standing by"), 90.0, f"{waiting} waits")  # type: ignore[misc]
        figures_of_both = [deployment.metrics(name) for name in (leader, waiting)]
        assert [(each["scalpbot_lease_held"], each["scalpbot_lease_waiting"]) for each in figures_of_both] == [
            (1.0, 0.0),
            (0.0, 1.0),
        ]
        assert f'"leader": "{leader}"' in deployment.log_of(waiting)
    with closing(open_store(deployment.store_url)) as store:
        wait_until(lambda: len(standings(store)) == 5, 90.0, "all have given a sign of life")
        assert standings(store) == {
            "executor": Standing("executor.paper", True),
            "ingest.a": Standing("ingest", True),
            "ingest.b": Standing("ingest", False),
            "strategy.a": Standing("strategy.0", True),
            "strategy.b": Standing("strategy.0", False),
        }
    deployment.wait_until_traded(600)
    # A late one asks for nothing that is stored.
    deployment.stop("ingest.a")
    wait_until(lambda: says(deployment, "ingest.b", "replay begins"), 90.0, "ingest.b leads")
    assert '"candles": 0' in deployment.log_of("ingest.b")
    assert "facts found that no message announced" not in deployment.log_of("strategy.b")
    assert deployment.metrics("strategy.b")["scalpbot_outbox_published_total"] == 0


def says(deployment: Deployment, name: str, event: str) -> bool:
    return f'"event": "{event}"' in deployment.log_of(name)


def standings(store: Store) -> dict[str, Standing]:
    with store.reading() as reader:
        told = {row.instance: standing_of(row) for row in reader.heartbeats()}
    return {instance: standing for instance, standing in told.items() if standing is not None}


@pytest.mark.parametrize("pairs", [("EUR_USD",), ("EUR_USD", "NZD_USD")])
def test_real_candles_replayed_through_processes_end_with_the_hash_of_the_backtest(
    deployment: Deployment, pairs: tuple[str, ...]
) -> None:
    files = [str(shared_material("data", f"{pair}_M5_2014-05.csv")) for pair in pairs]
    series = read(files)
    deployment.start_all(files)
    deployment.wait_until_traded(sum(len(each.time) for each in series))
    assert deployment.ledger_hash() == trade_hash(run_backtest(series, Settings()).trades)


def test_every_service_shows_its_own_figures_and_nobody_elses(deployment: Deployment, tmp_path: Path) -> None:
    deployment.start_all([f"EUR_USD={cut_sample(tmp_path, 'EUR_USD', 50)}"])
    deployment.wait_until_traded(50)
    ingest, strategy, executor = (figures(deployment, name) for name in ("ingest", "strategy.0", "executor"))
    assert ingest - strategy == {"scalpbot_ingest_candles_total", "scalpbot_ingest_not_traded_candles"}
    assert {each for each in ingest if "consumer" in each or "inbox" in each or "deliver" in each} == set()
    assert executor - strategy == {
        "scalpbot_commands_pending",
        "scalpbot_commands_oldest_pending_age_seconds",
        "scalpbot_audit_anchored_id",
        "scalpbot_audit_anchor_timestamp_seconds",
        "scalpbot_audit_anchor_failures_total",
        "scalpbot_database_restored",
    }
    assert strategy <= executor


def figures(deployment: Deployment, name: str) -> set[str]:
    """Return the names of what a service shows without labels, or with the same for every service."""
    names = {each.partition("{")[0] for each in deployment.metrics(name)}
    return {each for each in names if not each.endswith("_created") and each != "scalpbot_bus_reconnects_total"}


def test_parameters_change_in_every_process_while_candles_come(deployment: Deployment, tmp_path: Path) -> None:
    files = [f"{pair}={cut_sample(tmp_path, pair, 400)}" for pair in PAIRS[:2]]
    environ = {"SCALP_BOT_DEPLOYMENT__PARTITIONS": "2"}
    for partition in range(2):
        deployment.start(f"strategy.{partition}", "--partition", str(partition), environ=environ)
    deployment.start("executor")
    # Two pairs of M5 candles, 200 of them a second.
    paced = ("--speed", "30000", *(part for file in files for part in ("--csv", file)))
    deployment.start("ingest", *paced, environ=environ)
    with closing(open_store(deployment.store_url)) as store:
        for percent, settled in ((0.5, 100), (0.25, 300)):
            deployment.wait_until_traded(settled)
            body = {**section_of(Settings(), "risk"), "risk_percent": percent}
            with store.transaction() as transaction:
                save_params(transaction, Settings(), {"risk": body}, "ann", 0)
        deployment.wait_until_traded(800)
        with store.reading() as reader:
            rows = reader.gate_snapshots_after(0, 2_000)
    for pair in PAIRS[:2]:
        versions = [row.params_version for row in rows if row.pair == pair]
        assert versions == sorted(versions)
        assert set(versions) == {0, 1, 2}
    assert deployment.ledger_hash()


def test_ingest_refuses_a_database_that_was_divided_otherwise(deployment: Deployment) -> None:
    environ = {"DATABASE_URL": deployment.store_url, "RABBITMQ_URL": deployment.broker_url}
    ingest = ("run", "ingest", "--csv", sample_file("EUR_USD"), "--once", "--health-port", "0")
    assert run_verb(*ingest, environ=environ).returncode == 0
    refused = run_verb(*ingest, environ={**environ, "SCALP_BOT_DEPLOYMENT__PARTITIONS": "2"})
    assert refused.returncode == 2
    assert "setting deployment.partitions is 2, but this database was filled with 1" in refused.stderr


def test_strategy_refuses_a_partition_that_does_not_exist() -> None:
    environ = {"DATABASE_URL": "postgresql://127.0.0.1:1/none", "RABBITMQ_URL": "amqp://127.0.0.1:1/none"}
    refused = run_verb("run", "strategy", "--partition", "1", environ=environ)
    assert refused.returncode == 2
    assert "there is no partition 1: setting deployment.partitions is 1, and they are counted from 0" in refused.stderr


def test_partitions_alter_no_trade() -> None:
    divided = load_settings(None, {"SCALP_BOT_DEPLOYMENT__PARTITIONS": "3"})
    assert divided.trading_digest() == Settings().trading_digest()
