"""Runs keep their anchors: an executor process while it leads and when it stops, and a paper run at its end."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.cli import main
from shared.settings.keys import private_text
from shared.store.port import Store
from shared.store.sql_store import open_store
from tests.fixtures.anchored import KEY, PUBLIC, anchor, tamper, write
from tests.fixtures.declared import declare
from tests.fixtures.deployed import Deployment, wait_until
from tests.fixtures.paper import SAMPLE, cut_sample

PATIENCE_SECONDS = 60.0
CANDLES = 1_000


@pytest.fixture(name="deployment")
def deployment_(postgres_url: str, vhost_url: str, tmp_path: Path) -> Iterator[Deployment]:
    declare(vhost_url, 1)
    deployment = Deployment(postgres_url, vhost_url, tmp_path)
    yield deployment
    deployment.close()


def test_the_executor_anchors_what_others_wrote_too_and_once_more_when_it_is_asked_to_stop(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    anchors = tmp_path / "volume" / "anchors.jsonl"
    key_file = tmp_path / "key"
    key_file.write_text(private_text(KEY), encoding="utf-8")
    environ = {"AUDIT_ANCHOR_PATH": str(anchors), "AUDIT_ANCHOR_KEY_FILE": str(key_file)}
    with closing(open_store(deployment.store_url)) as store:
        write(store, 3)
        deployment.start("executor", environ=environ)
        anchored = "scalpbot_audit_anchored_id"
        wait_until(lambda: deployment.metrics("executor").get(anchored) == 3, PATIENCE_SECONDS, "record 3 is anchored")
        write(store, 2)
        code, _ = deployment.stop("executor")
    assert code == 0, deployment.log_of("executor")
    assert private_text(KEY) not in deployment.log_of("executor")
    asked = ["audit", "verify", "--db", deployment.store_url, "--anchors", str(anchors), "--public-key", PUBLIC]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["anchors"]
    assert (told["count"], told["last_id"], told["not_covered"]) == (2, 5, 0)


def test_an_executor_holds_entries_on_a_database_older_than_its_anchors_until_it_is_accepted(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchors = tmp_path / "volume" / "anchors.jsonl"
    environ = {"AUDIT_ANCHOR_PATH": str(anchors), "AUDIT_ANCHOR_KEY": private_text(KEY)}
    deployment.start("strategy.0", "--partition", "0")
    deployment.start("ingest", "--csv", f"USD_JPY={cut_sample(tmp_path, 'USD_JPY', CANDLES)}")
    with closing(open_store(deployment.store_url)) as store:
        wait_until(lambda: assessed_in(store) == CANDLES, PATIENCE_SECONDS, "all is assessed")
        write(store, 5)
        anchor(store, anchors)
    tamper(deployment.store_url, lambda rows: rows[:3])
    deployment.start("executor", environ=environ)
    restored = "scalpbot_database_restored"
    wait_until(lambda: deployment.metrics("executor").get(restored) == 1, PATIENCE_SECONDS, "entries are held")
    assert "accept-restore" in waits_for(deployment)
    with monkeypatch.context() as within:
        for name, value in environ.items():
            within.setenv(name, value)
        assert main(["db", "accept-restore", "--db", deployment.store_url]) == 0
    wait_until(lambda: deployment.metrics("executor").get(restored) == 0, PATIENCE_SECONDS, "it is accepted")
    wait_until(lambda: "accept-restore" not in waits_for(deployment), PATIENCE_SECONDS, "it is ready")
    deployment.wait_until_traded(CANDLES)
    with closing(open_store(deployment.store_url)) as store, store.reading() as reader:
        assert [hold.kind for hold in reader.holds()] == ["kill_switch"]
        # It was held before the first candle: without the hold some of these would have been entered on.
        assert reader.trades(1) == []


def assessed_in(store: Store) -> int:
    with store.reading() as reader:
        return len(reader.assessments_after(0, CANDLES + 1))


def waits_for(deployment: Deployment) -> dict[str, str]:
    answer = httpx.get(f"http://127.0.0.1:{deployment.health_port('executor')}/readyz", timeout=5)
    told: dict[str, str] = answer.json()["waiting_for"]
    return told


def test_a_paper_run_is_anchored_at_its_end_without_being_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["paper", "--csv", str(SAMPLE / "EUR_USD_M5_sample.csv")]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = found["anchors"]
    assert (told["last_id"], told["not_covered"], told["key_given"]) == (found["rows"], 0, True)
    assert told["file"] == "data/paper_trading.anchors.jsonl"
