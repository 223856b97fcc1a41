"""Addresses with passwords are read in one way only; others are refused without a word of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.cli.database import database_url
from services.cli.program import main
from shared.contracts.concealed import concealed
from shared.contracts.errors import InputError
from shared.settings.settings import Settings, load_settings
from shared.store.engine import shown_place

TAIL = "tail-of-a-secret"


def message(environ: dict[str, str], path: Path | None = None) -> str:
    with pytest.raises(InputError) as refused:
        load_settings(path, environ)
    return str(refused.value)


@pytest.mark.parametrize(
    ("variable", "scheme"),
    [("DATABASE_URL", "postgresql"), ("DATABASE_URL", "postgresql+psycopg"), ("RABBITMQ_URL", "amqp")],
)
@pytest.mark.parametrize("special", ["@", "/", "?", "#", "[", "]", " ", "@@", "/@", "?@", "#@", ":@"])
def test_password_with_a_special_character_is_refused_without_showing_it(
    variable: str, scheme: str, special: str
) -> None:
    told = message({variable: f"{scheme}://someone:front-of-it{special}{TAIL}@127.0.0.1:5999/name"})
    assert told.startswith(f"environment: {variable} cannot be read")
    assert "%40" in told
    assert "front" not in told
    assert "tail" not in told


@pytest.mark.parametrize("variable", ["DATABASE_URL", "RABBITMQ_URL"])
def test_password_in_a_file_is_held_to_the_same(variable: str, tmp_path: Path) -> None:
    scheme = "postgresql" if variable == "DATABASE_URL" else "amqp"
    (tmp_path / "secret").write_text(f"{scheme}://someone:p@{TAIL}@127.0.0.1/name\n", encoding="utf-8")
    assert TAIL not in message({f"{variable}_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://someone:p%40ss%2Fword@127.0.0.1:5999/name",
        "postgresql://someone:a:colon;and=more!@[::1]:5432/name?connect_timeout=3",
        "postgresql:///name?host=/run/postgresql",
        "postgresql://someone@/name?host=/run/postgresql",
        "sqlite:////tmp/with@at/and#hash.db",
    ],
)
def test_address_that_can_be_read_in_one_way_is_kept_as_it_is(address: str) -> None:
    assert load_settings(None, {"DATABASE_URL": address}).runtime.store_url() == address


@pytest.mark.parametrize("port", ["tail-of-a-secret", "99999x"])
def test_host_that_cannot_be_read_is_not_shown(port: str) -> None:
    told = message({"DATABASE_URL": f"postgresql://someone:{port}/name"})
    assert "names no host" in told
    assert port not in told


def test_letters_beyond_ascii_that_stand_for_others_are_refused_without_showing_them() -> None:
    told = message({"DATABASE_URL": f"postgresql://someone:{TAIL}\N{FULLWIDTH COMMERCIAL AT}x@127.0.0.1/name"})
    assert TAIL not in told
    assert "\N{FULLWIDTH COMMERCIAL AT}" not in told


@pytest.mark.parametrize("variable", ["OANDA_REST_URL", "OANDA_STREAM_URL"])
def test_oanda_address_with_a_user_is_refused_without_showing_it(variable: str) -> None:
    for address in (f"https://me:{TAIL}@host", f"https://me:p@{TAIL}@host", f"ftp://me:{TAIL}@host"):
        assert TAIL not in message({variable: address})


def test_calendar_address_with_an_unencoded_password_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f'[live]\ncalendar_url = "https://me:p@{TAIL}@host/x"\n', encoding="utf-8")
    for told in (
        message({}, tmp_path / "s.toml"),
        message({"SCALP_BOT_LIVE__CALENDAR_URL": f"https://me:p/{TAIL}@host/x"}),
    ):
        assert "calendar_url: the address cannot be read" in told
        assert TAIL not in told


@pytest.mark.parametrize("address", ["https://host/a@1.0/x.json", "https://host:8443/a@1.0/x.json", "http://h/x?a=b@c"])
def test_calendar_address_with_an_at_sign_in_its_path_is_kept(address: str) -> None:
    assert load_settings(None, {"SCALP_BOT_LIVE__CALENDAR_URL": address}).live.calendar_url == address


def test_database_that_an_option_names_is_held_to_the_same() -> None:
    with pytest.raises(InputError) as refused:
        database_url(f"postgresql://someone:p@{TAIL}@127.0.0.1/name", Settings())
    assert TAIL not in str(refused.value)


@given(secret=some.text(some.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=30))
def test_every_secret_of_the_environment_is_masked_from_then_on(secret: str) -> None:
    secret = f"x{secret}z"
    load_settings(
        None,
        {
            "DATABASE_URL": f"postgresql://someone:{secret}d@127.0.0.1/name?sslpassword={secret}s",
            "RABBITMQ_URL": f"amqp://someone:{secret}r@127.0.0.1/",
            "OANDA_API_KEY": f"{secret}k",
            "OANDA_ACCOUNT_ID": f"{secret}a",
            "SCALP_BOT_LIVE__CALENDAR_URL": f"https://me:{secret}c@host/x?api_key={secret}q",
        },
    )
    for ending in "dsrkacq":
        assert secret not in concealed(f"<{secret}{ending}>")


def test_name_of_the_user_and_of_the_database_stay_readable_when_the_password_is_the_same() -> None:
    load_settings(None, {"DATABASE_URL": "postgresql://moorland:moorland@127.0.0.1/kettlery"})
    load_settings(None, {"DATABASE_URL": "postgresql://moorland:kettlery@127.0.0.1/kettlery"})
    assert concealed("moorland in kettlery") == "moorland in kettlery"


def test_shown_place_has_neither_password_nor_parameters() -> None:
    shown = shown_place(f"postgresql://someone:{TAIL}@127.0.0.1/name?password={TAIL}")
    assert shown == "postgresql://someone:***@127.0.0.1/name"


def test_doctor_and_db_check_never_show_the_rest_of_a_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SCALP_BOT_DEBUG", "1")
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres:p@{TAIL}@127.0.0.1:5999/db")
    for arguments in (["doctor"], ["db", "check"], ["db", "check", "--db", f"mysql://me:{TAIL}@host/x"]):
        assert main(arguments) in (1, 2, 3)
        said = capsys.readouterr()
        assert said.out + said.err
        assert TAIL not in said.out + said.err
