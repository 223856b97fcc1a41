"""The example settings file: it loads, changes nothing, and tells every setting with its true default."""

import re
import tomllib
from pathlib import Path
from typing import Any

from shared.settings.sections import PairSection
from shared.settings.settings import Settings, load_settings
from tests.repository import ROOT

EXAMPLE = ROOT / "scalpbot.example.toml"
NAMED_PAIRS = ("EUR_USD", "GBP_USD", "USD_JPY")
# A strategy of one's own need not be told of here.
TOLD_STRATEGIES = ("ema_vwap", "vwap_rsi", "bb_breakout")


def written_out(folder: Path) -> Path:
    """Return a copy of the example in which every setting is in force."""
    path = folder / "scalpbot.toml"
    path.write_text(re.sub(r"^#(?=[\[\w])", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return path


def key_paths(table: dict[str, Any], above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Return the paths of all values in nested tables."""
    paths: set[tuple[str, ...]] = set()
    for key, value in table.items():
        paths |= key_paths(value, (*above, key)) if isinstance(value, dict) else {(*above, key)}
    return paths


def test_example_as_it_is_changes_nothing() -> None:
    assert load_settings(EXAMPLE, {}) == Settings()


def test_example_with_every_setting_in_force_equals_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(written_out(tmp_path), {})
    assert settings.redacted() == Settings().redacted()
    assert settings.trading_digest() == Settings().trading_digest()
    assert [settings.pair(pair) for pair in NAMED_PAIRS] == [Settings().pair(pair) for pair in NAMED_PAIRS]


def test_example_leaves_no_setting_out(tmp_path: Path) -> None:
    shown = tomllib.loads(written_out(tmp_path).read_text(encoding="utf-8"))
    known = Settings().model_dump(exclude={"runtime"})
    known["pairs"] = {pair: dict.fromkeys(PairSection.model_fields) for pair in NAMED_PAIRS}
    known["strategies"] = {name: known["strategies"][name] for name in TOLD_STRATEGIES}
    assert set(shown) == set(known)
    assert key_paths(shown) == key_paths(known)
