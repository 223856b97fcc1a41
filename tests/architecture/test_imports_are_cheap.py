"""Words, errors, times and pairs load nothing heavy, so that they can be imported at the top of every module."""

import subprocess
import sys

import pytest

from tests.repository import ROOT

_HEAVY = ("numpy", "msgspec", "pydantic", "numba", "sqlalchemy", "httpx", "pika")


@pytest.mark.parametrize(
    "module",
    [
        "shared.contracts.decimals",
        "shared.contracts.envelope",
        "shared.contracts.errors",
        "shared.contracts.facts",
        "shared.contracts.funnel",
        "shared.contracts.granularity",
        "shared.contracts.pairs",
        "shared.contracts.params",
        "shared.contracts.times",
        "shared.contracts.trades",
        "shared.contracts.vocabulary",
        "shared.core.account",
        "shared.core.market",
        "shared.core.types",
        "shared.store.rows.market",
    ],
)
def test_module_of_words_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({set(_HEAVY)!r} & sys.modules.keys()))"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert finished.stdout.split() == []
