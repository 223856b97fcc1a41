"""Settings: what is effective, what is refused and how the refusal reads."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from shared.calendar.sessions import parse_window
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.contracts.pairs import parse_pair
from shared.contracts.runs import RunMode
from shared.core.strategies import STRATEGY_NAMES
from shared.settings.settings import Settings, load_settings

ONE_OF_THEM = f"{', '.join(map(repr, STRATEGY_NAMES[:-1]))} or {STRATEGY_NAMES[-1]!r}"


def settings_of(folder: Path, text: str, **environ: str) -> Settings:
    """Load a settings file with the text, and an environment."""
    path = folder / "scalpbot.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environ)


def refusal_of(folder: Path, text: str, **environ: str) -> str:
    """Return the message with which the settings are refused, without the folder's path."""
    with pytest.raises(InputError) as refusal:
        settings_of(folder, text, **environ)
    message = str(refusal.value)
    assert "\n" not in message
    return message.replace(f"{folder}/", "")


def test_defaults_are_the_trading_rules() -> None:
    settings = load_settings(None, {})
    assert settings == Settings()
    assert (settings.account.currency, settings.account.start_balance) == ("USD", Decimal(10_000))
    assert (settings.risk.risk_percent, settings.risk.stop_atr, settings.risk.target_ratio) == (1.0, 1.5, 2.0)
    assert (settings.risk.max_leverage, settings.risk.minimum_units, settings.risk.max_slippage_points) == (30, 1, 0)
    assert (settings.gates.max_open_positions, settings.gates.daily_loss_percent) == (3, Decimal(3))
    assert (settings.gates.news_minutes, settings.gates.news_max_age_hours) == (15, 24)
    assert (settings.calendar.trading_day_zone, settings.calendar.trading_day_hour) == ("UTC", 0)


@pytest.mark.parametrize(
    ("pair", "strategy", "parameters", "sessions", "spread_limit_points", "model_spread_points"),
    [
        ("EUR_USD", "ema_vwap", {"k": 0.2}, "08:00-17:00 UTC", 15, 3),
        ("GBP_USD", "bb_breakout", {"v": 1.2, "p": 35, "e": 1.02}, "08:00-13:00 UTC", 25, 8),
        ("USD_JPY", "vwap_rsi", {"lo": 25, "hi": 75, "k": 0.1}, "00:00-09:00 UTC", 20, 5),
        ("AUD_NZD", "ema_vwap", {"k": 0.2}, "08:00-17:00 UTC", 20, 5),
    ],
)
def test_pairs_have_their_defaults(
    pair: str,
    strategy: str,
    parameters: dict[str, float],
    sessions: str,
    spread_limit_points: int,
    model_spread_points: int,
) -> None:
    settled = Settings().pair(pair)
    assert (settled.strategy, settled.profile, settled.parameters) == (strategy, "normal", parameters)
    assert settled.sessions == (parse_window(sessions),)
    assert (settled.max_spread_points, settled.model_spread_points) == (spread_limit_points, model_spread_points)


def test_pair_takes_what_its_table_says_and_defaults_for_the_rest(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        """
        [pairs.EUR_USD]
        strategy = "vwap_rsi"
        profile = "aggressive"
        sessions = ["london", "22:00-06:00 UTC"]
        max_spread_pips = 1.2

        [strategies.vwap_rsi.aggressive]
        lo = 33
        """,
    )
    settled = settings.pair("EUR_USD")
    assert (settled.strategy, settled.parameters) == ("vwap_rsi", {"lo": 33, "hi": 70, "k": 0.15})
    assert settled.sessions == (parse_window("london"), parse_window("22:00-06:00 UTC"))
    assert (settled.max_spread_points, settled.model_spread_points) == (12, 3)


def test_spread_limits_can_be_set_by_pair_and_for_all_others(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "[gates.max_spread_pips]\nothers = 3\nUSD_JPY = 1.1")
    limits = [settings.pair(pair).max_spread_points for pair in ("EUR_USD", "USD_JPY", "AUD_USD")]
    assert limits == [15, 11, 30]


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        "[risk]\nrisk_percent = 2\nstop_atr = 3",
        SCALP_BOT_RISK__RISK_PERCENT="0.5",
        SCALP_BOT_PAIRS__EUR_USD__SESSIONS="london, 22:00-06:00 UTC",
        SCALP_BOT_RATES__USD_JPY="150.25",
        SCALP_BOT_GATES__NEWS_MINUTES="",
        UNRELATED="1",
    )
    assert (settings.risk.risk_percent, settings.risk.stop_atr, settings.gates.news_minutes) == (0.5, 3, 15)
    assert settings.pair("EUR_USD").sessions == (parse_window("london"), parse_window("22:00-06:00 UTC"))
    assert settings.rates == {"USD_JPY": Decimal("150.25")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[risk]\n\nrisk_percent = 150", ":3: risk.risk_percent is 150; it must be above 0 and at most 100"),
        ("[risk]\nrisk_percent = nan", ":2: risk.risk_percent is NaN; it must be a finite number"),
        ("[risk]\nrisk_percent = true", ":2: risk.risk_percent is true; it must be a number"),
        ("[risk]\nrisk_percnt = 1", ":2: risk.risk_percnt is not a setting; did you mean risk_percent?"),
        ("[risk]\nmax_slippage_pips = 0.25", ":2: risk.max_slippage_pips is 0.25; it must have at most 1 decimal"),
        ("risk.minimum_units = 0", ":1: risk.minimum_units is 0; it must be at least 1 and at most 1,000,000,000"),
        ("[account]\nstart_balance = 1.00001", ":2: account.start_balance is 1.00001; it must have at most 4 decimals"),
        (
            "[account]\nstart_balance = 20_000_000_000",
            ":2: account.start_balance is 20000000000; it must be above 0 and at most 10,000,000,000",
        ),
        (
            "[rates]\nUSD_JPY = '0.006412345678'",
            ":2: rates.USD_JPY is '0.006412345678'; it must have at most 8 decimals",
        ),
        (
            "[rates]\nUSD_JPY = '150.12345678'",
            ":2: rates.USD_JPY is '150.12345678'; it must have at most 9 significant digits",
        ),
        ("risk = 3", ":1: risk is 3; it must be a table"),
        ("[gates]\nnews_on_missing = 'no'", ":2: gates.news_on_missing is 'no'; it must be 'block', 'allow' or 'auto'"),
        ("[pairs.EUR_USD]\nstrategy = 'ema'", ":2: pairs.EUR_USD.strategy is 'ema'; it must be " + ONE_OF_THEM),
        (
            "[pairs.EUR_USD]\nsessions = []",
            ":2: pairs.EUR_USD.sessions is []; it must name at least one session window",
        ),
        ("[pairs.EUR_USD]\nsessions = [\n 'paris']", ":2: pairs.EUR_USD.sessions: 'paris' is not a session window"),
        ("[pairs.EURUSD]\nprofile = 'normal'", ":1: pairs.EURUSD: 'EURUSD' is not a pair"),
        ("[pairs.EUR_USD]\nstrat = 1", ":2: pairs.EUR_USD.strat is not a setting; did you mean strategy?"),
        ("[rates]\nUSD_JPY = -1", ":2: rates.USD_JPY is -1; it must be above 0"),
        ("[calendar]\ntrading_day_zone = 'Mars'", ":2: calendar.trading_day_zone: 'Mars' is not a time zone"),
        (
            "[strategies.vwap_rsi.normal]\nlo = 80",
            ":1: strategies.vwap_rsi.normal cannot be used: lo must be below hi, but lo is 80 and hi is 75",
        ),
        ("[runtime]\noanda_api_key = 'x'", ":1: runtime is not a setting"),
        ("[risk]\nstop_atr = ", ":2: the settings are not valid TOML"),
    ],
)
def test_bad_value_is_refused_with_its_line_and_what_is_allowed(tmp_path: Path, text: str, message: str) -> None:
    assert refusal_of(tmp_path, text).startswith(f"scalpbot.toml{message}")


def test_bad_override_is_refused_naming_the_variable(tmp_path: Path) -> None:
    message = refusal_of(tmp_path, "[risk]\nrisk_percent = 1", SCALP_BOT_RISK__RISK_PERCENT="lots")
    assert message.startswith("environment variable SCALP_BOT_RISK__RISK_PERCENT: risk.risk_percent is 'lots'")


@pytest.mark.parametrize(
    "name", ["SCALP_BOT_FOO", "SCALP_BOT_FOO__BAR", "SCALP_BOT_RISK__FOO", "SCALP_BOT_RUNTIME__DB_PATH"]
)
def test_variable_that_names_no_setting_is_refused(tmp_path: Path, name: str) -> None:
    assert f"environment variable {name}" in refusal_of(tmp_path, "", **{name: "1"})


def test_missing_settings_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml"):
        load_settings(tmp_path / "absent.toml", {})


def test_auto_blocks_without_news_only_live() -> None:
    settings = Settings()
    blocks = {mode: settings.calendar_rules("EUR_USD", mode).blocks_without_news for mode in RunMode}
    assert blocks == {RunMode.LIVE: True, RunMode.OFFLINE: False, RunMode.BACKTEST: False}


def test_secrets_are_read_from_files_and_never_shown(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("very-secret\n", encoding="utf-8")
    database = "postgresql://bot:hidden@db/scalpbot"
    settings = load_settings(None, {"OANDA_API_KEY_FILE": str(key_file), "DATABASE_URL": database})
    assert settings.runtime.oanda_api_key is not None
    assert settings.runtime.oanda_api_key.get_secret_value() == "very-secret"
    assert settings.runtime.store_url() == database
    shown = json.dumps(settings.redacted()) + repr(settings)
    assert "very-secret" not in shown
    assert "hidden" not in shown
    assert settings.redacted()["runtime"]["oanda_api_key"] == "***"


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": "postgresql://postgres:postgres@db/scalpbot"},
        {"DATABASE_URL": "postgresql://scalpbot_api:Changeme@10.0.0.7:5432/scalpbot"},
        {"DATABASE_URL": "postgresql://scalpbot_api:scalpbot%5Fapi@db.example/scalpbot"},
        {"RABBITMQ_URL": "amqp://guest:guest@broker:5672/scalpbot"},
        {"RABBITMQ_URL": "amqps://broker/scalpbot"},
    ],
    ids=str,
)
def test_a_password_that_servers_are_delivered_with_is_refused_where_others_reach_them(environ: dict[str, str]) -> None:
    with pytest.raises(InputError, match="is one that anybody would try") as refused:
        load_settings(None, environ)
    assert "hangeme" not in str(refused.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"DATABASE_URL": "postgresql://postgres:postgres@127.0.0.1/scalpbot"},
        {"DATABASE_URL": "postgresql:///scalpbot"},
        {"DATABASE_URL": "postgresql://scalpbot_api@db/scalpbot"},
        {"RABBITMQ_URL": "amqp://guest:guest@localhost:5672/"},
        {"RABBITMQ_URL": "amqp://[::1]/"},
        {"RABBITMQ_URL": "amqp://scalpbot:7f0c2a6e4b1d@broker/scalpbot"},
    ],
    ids=str,
)
def test_a_password_of_ones_own_or_a_server_on_this_machine_is_taken(environ: dict[str, str]) -> None:
    load_settings(None, environ)


def test_store_is_a_local_file_unless_told_otherwise() -> None:
    assert load_settings(None, {}).runtime.store_url() == "sqlite:///data/paper_trading.db"
    assert load_settings(None, {"SCALP_BOT_DB_PATH": "x.db"}).runtime.store_url() == "sqlite:///x.db"


@pytest.mark.parametrize(
    "environ",
    [
        {"LIVE_TRADING_ENABLED": "maybe"},
        {"OANDA_ENV": "demo"},
        {"OANDA_API_KEY": "a", "OANDA_API_KEY_FILE": "b"},
        {"OANDA_API_KEY_FILE": "/nowhere/key"},
        {"DATABASE_URL": "mysql://bot:hidden@db"},
        {"RABBITMQ_URL": "http://bot:hidden@mq"},
    ],
)
def test_bad_runtime_variable_is_refused_without_showing_secrets(environ: dict[str, str]) -> None:
    with pytest.raises(InputError, match=r"environment: [A-Z_]+ ") as refusal:
        load_settings(None, environ)
    assert "hidden" not in str(refusal.value)


def test_live_trading_is_off_by_default() -> None:
    assert not load_settings(None, {}).runtime.live_trading_enabled
    assert load_settings(None, {"LIVE_TRADING_ENABLED": "true"}).runtime.live_trading_enabled


def test_digests_change_with_what_alters_trades_and_only_with_that(tmp_path: Path) -> None:
    plain = Settings()
    written_out = settings_of(
        tmp_path, "[pairs.AUD_USD]\nprofile = 'normal'\n[account]\nstart_balance = 10000.00", OANDA_API_KEY="x"
    )
    riskier = settings_of(tmp_path, "[risk]\nrisk_percent = 2")
    assert written_out.trading_digest() == plain.trading_digest() != riskier.trading_digest()


def test_pair_digest_ignores_other_pairs_and_tells_policies_apart(tmp_path: Path) -> None:
    plain = Settings()
    other = settings_of(tmp_path, "[pairs.GBP_USD]\nprofile = 'aggressive'\n[gates.max_spread_pips]\nUSD_JPY = 1")
    assert other.pair_digest("EUR_USD", RunMode.OFFLINE) == plain.pair_digest("EUR_USD", RunMode.OFFLINE)
    assert other.pair_digest("GBP_USD", RunMode.OFFLINE) != plain.pair_digest("GBP_USD", RunMode.OFFLINE)
    assert plain.pair_digest("EUR_USD", RunMode.OFFLINE) == plain.pair_digest("EUR_USD", RunMode.BACKTEST)
    assert plain.pair_digest("EUR_USD", RunMode.OFFLINE) != plain.pair_digest("EUR_USD", RunMode.LIVE)


@pytest.mark.parametrize(
    "text", ["EURUSD", "EUR/USD", "eur_usd", "EUR_", "_USD", "EUR_XYZ", "EUR_EUR", "EUR_USD_X", ""]
)
def test_text_that_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a pair"):
        parse_pair(text)


def test_pair_is_read_with_its_price_grid() -> None:
    assert instrument("USD_JPY").points_per_price == 1_000
    assert instrument("XAU_USD").base == "XAU"
