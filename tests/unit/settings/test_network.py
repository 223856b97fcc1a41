"""Which way requests take out, by settings and environment."""

import pytest

from shared.contracts.concealed import concealed
from shared.contracts.errors import InputError
from shared.settings.network import way_out
from shared.settings.settings import Settings, load_settings

OANDA = "https://api-fxpractice.oanda.com"
PROXY = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, OANDA, None),
        ({"HTTPS_PROXY": PROXY}, OANDA, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": "http://other:1"}, OANDA, PROXY),
        ({"ALL_PROXY": "proxy.example:3128"}, OANDA, PROXY),
        ({"HTTPS_PROXY": PROXY}, "http://calendar.example/x", None),
        ({"HTTP_PROXY": PROXY}, "http://calendar.example/x", PROXY),
        ({"HTTPS_PROXY": PROXY}, "https://127.0.0.1:8443", None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "oanda.com"}, OANDA, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.example, .oanda.com:443"}, OANDA, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, OANDA, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "anda.com"}, OANDA, PROXY),
        ({"HTTPS_PROXY": "http://other:1", "SCALP_BOT_LIVE__PROXY": PROXY, "NO_PROXY": "*"}, OANDA, PROXY),
        ({"HTTPS_PROXY": PROXY, "SCALP_BOT_LIVE__PROXY": "none"}, OANDA, None),
    ],
)
def test_settings_win_over_the_environment_and_exceptions_go_straight(
    environ: dict[str, str], url: str, proxy: str | None
) -> None:
    assert way_out(load_settings(None, environ)).proxy_for(url) == proxy


def test_password_of_a_proxy_belongs_into_the_environment_and_is_masked() -> None:
    with pytest.raises(InputError, match="as HTTPS_PROXY") as refused:
        load_settings(None, {"SCALP_BOT_LIVE__PROXY": "http://me:violet-moor@proxy:3128"})
    assert "violet" not in str(refused.value)
    load_settings(None, {"HTTPS_PROXY": "http://me:gravel-tulip@proxy:3128"})
    assert "gravel" not in concealed("gravel-tulip")
    with pytest.raises(InputError) as refused:
        way_out(load_settings(None, {"HTTPS_PROXY": "http://me:p@gravel-tulip@proxy:3128"}))
    assert "gravel" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["proxy:3128", "socks5://proxy:1", "https://", "NONE"])
def test_proxy_that_is_none_is_refused_with_the_settings(proxy: str) -> None:
    with pytest.raises(InputError, match=r"live\.proxy is"):
        load_settings(None, {"SCALP_BOT_LIVE__PROXY": proxy})


def test_way_out_alters_no_trade() -> None:
    assert load_settings(None, {"SCALP_BOT_LIVE__PROXY": PROXY}).trading_digest() == Settings().trading_digest()
