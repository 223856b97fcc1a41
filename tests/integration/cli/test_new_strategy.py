"""A strategy is one more file: that of CONTRIBUTING, in a copy of the product, through everything that trades it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from shared.contracts.times import format_time, parse_time
from tests.fixtures.paper import cut_sample
from tests.fixtures.up import running
from tests.repository import ROOT

CANDLES: Final = 1_000
PATH: Final = "/api/strategy-params/momentum"


class Product(NamedTuple):
    """A copy of the product with one strategy more, and candles to trade."""

    folder: Path
    candles: Path

    @property
    def environ(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self.folder), "SCALP_BOT_PAIRS__EUR_USD__STRATEGY": "momentum"}

    def python(self, *arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            # What whoever runs these tests wants to see of them is not what they read of others.
            env={**os.environ, **self.environ, "PYTEST_ADDOPTS": "", **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    def document(self, *words: object) -> Any:
        finished = self.python("-m", "tests.tools.scalpbot", *words)
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("product")
    for package in ("services", "shared", "tests"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "scalpbot.example.toml"):
        shutil.copy(ROOT / file, folder)
    written = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^```python\n(.*?)^```$", written, re.DOTALL | re.MULTILINE)
    (folder / "shared" / "core" / "strategies" / "momentum.py").write_text(source, encoding="utf-8")
    return Product(folder, cut_sample(folder, "EUR_USD", CANDLES))


def test_settings_know_its_parameters_and_hold_them_to_their_bounds(product: Product) -> None:
    shown = product.document("config", "show", "--json")
    assert shown["strategies"]["momentum"]["aggressive"] == {"move": 0.7}
    assert shown["pairs"]["EUR_USD"]["parameters"] == {"move": 1.0}
    (product.folder / "wrong.toml").write_text("[strategies.momentum.normal]\nmove = 11\n", encoding="utf-8")
    refused = product.python("-m", "tests.tools.scalpbot", "config", "check", "--config", "wrong.toml")
    assert refused.returncode == 2
    assert "wrong.toml:2: strategies.momentum.normal.move is 11; it must be above 0 and at most 10" in refused.stderr


def test_backtest_paper_parity_api_and_why_trade_it_alike(product: Product) -> None:
    tested = product.document("backtest", "--csv", product.candles, "--json")
    assert tested["trades"] > 0
    assert tested["pairs"][0]["parameters"] == {"move": 1.0}
    database = product.folder / "paper.db"
    traded = product.document("paper", "--csv", product.candles, "--db", database, "--json")
    assert traded["trade_hash"] == tested["trade_hash"]
    assert product.document("parity", "--db", database, "--json")["trade_hash"] == tested["trade_hash"]
    (trade, *_) = product.document("trades", "--db", database, "--json")
    opened = format_time(parse_time(trade["entry_time"]) - 300)
    told = product.document("why", trade["pair"], opened, "--db", database, "--json")
    assert abs(told["indicators"]["change"]) > told["indicators"]["atr"]
    require_parameters_over_http(product, database)


def test_databases_go_on_where_a_strategy_comes_or_goes_that_does_not_trade_in_them(
    product: Product, tmp_path: Path
) -> None:
    without, few = product._replace(folder=ROOT), cut_sample(tmp_path, "EUR_USD", 300)
    shipped = {"SCALP_BOT_PAIRS__EUR_USD__STRATEGY": "ema_vwap"}
    paper = ("-m", "tests.tools.scalpbot", "paper", "--csv", few, "--db", tmp_path / "paper.db")
    for each in (without, product, without):
        finished = each.python(*paper, **shipped)
        assert finished.returncode == 0, finished.stderr
    assert product.python(*paper[:-1], tmp_path / "momentum.db").returncode == 0
    refused = without.python("-m", "tests.tools.scalpbot", "parity", "--db", tmp_path / "momentum.db", **shipped)
    assert refused.returncode == 2
    assert "pairs.EUR_USD.strategy is 'momentum'; it must be 'bb_breakout', 'ema_vwap'" in refused.stderr


def require_parameters_over_http(product: Product, database: Path) -> None:
    options = ("--feed", "replay", "--speed", "max", "--csv", product.candles, "--db", database)
    with running(product.folder, *options, environ=product.environ) as up:
        up.sign_in(up.password())
        before = up.get(PATH)
        assert before["pairs"] == {"EUR_USD": "normal"}
        assert before["active"]["normal"] == {"move": 1.0}
        profiles = before["active"] | {"normal": {"move": 2}}
        token = {"X-CSRF-Token": up.get("/auth/me")["csrf_token"]}
        assert up.client.put(PATH, json={"profiles": profiles}, headers=token).status_code == 202
        assert up.get(PATH)["newest"]["normal"] == {"move": 2.0}
        refused = up.client.put(PATH, json={"profiles": profiles | {"normal": {"move": 11}}}, headers=token)
        assert (refused.status_code, "momentum.normal.move is 11" in refused.text) == (422, True)
        assert "momentum" in up.client.get("/api/openapi.json").text


def test_what_is_asked_of_every_strategy_is_asked_of_it_and_no_other_test_minds(product: Product) -> None:
    files = (
        "tests/unit/core/test_strategies.py",
        "tests/unit/settings",
        "tests/parity/test_core_plain_and_compiled.py",
    )
    chosen = ("-k", "momentum or not plain_and_compiled", "-p", "no:cacheprovider", "-p", "no:xdist", "-vv")
    finished = product.python("-m", "pytest", *chosen, *files)
    assert finished.returncode == 0, finished.stdout
    for test in ("signals_both_ways", "runs_are_identical", "same_input_gives_the_same_run"):
        assert re.search(rf"{test}\S*\[.*momentum.* PASSED", finished.stdout), test
