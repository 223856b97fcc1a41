"""Where the store, the bus and the broker are, and the secrets for them: from the environment only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from shared.contracts.concealed import conceal
from shared.contracts.errors import InputError
from shared.contracts.hosts import is_loopback
from shared.settings.addresses import (
    BROKER_SCHEMES,
    DELIVERED_PASSWORDS,
    STORE_SCHEMES,
    conceal_address,
    holds_user,
    server_address,
    web_address,
)
from shared.settings.keys import private_bytes, public_bytes
from shared.settings.values import Section

DB_PATH: Final = "SCALP_BOT_DB_PATH"
_DEFAULT_DB_PATH: Final = "data/paper_trading.db"
_GUEST: Final = "guest"
_YES: Final = ("true", "1", "yes", "on")
_NO: Final = ("false", "0", "no", "off")


class RuntimeSettings(Section):
    """Addresses and secrets; a database URL wins over the path of the SQLite file."""

    db_path: Path = Path(_DEFAULT_DB_PATH)
    database_url: SecretStr | None = None
    rabbitmq_url: SecretStr | None = None
    live_trading_enabled: bool = False
    oanda_api_key: SecretStr | None = None
    oanda_account_id: SecretStr | None = None
    oanda_env: Literal["practice", "live"] = "practice"
    oanda_rest_url: str | None = None
    oanda_stream_url: str | None = None
    https_proxy: SecretStr | None = None
    http_proxy: SecretStr | None = None
    no_proxy: str = ""
    ssl_cert_file: Path | None = None
    audit_anchor_path: Path | None = None
    audit_anchor_key: SecretStr | None = None
    audit_anchor_public_key: str | None = None

    def names_store(self) -> bool:
        """Return whether a database was chosen, and not left to the default."""
        return self.database_url is not None or self.db_path != Path(_DEFAULT_DB_PATH)

    def store_url(self) -> str:
        """Return the address of the store: the database URL if there is one, else that of the SQLite file."""
        return f"sqlite:///{self.db_path}" if self.database_url is None else self.database_url.get_secret_value()


def read_runtime(environ: Mapping[str, str]) -> RuntimeSettings:
    """Read the runtime settings from an environment; an empty variable counts as not set.

    Each secret may be given as `<NAME>` or as `<NAME>_FILE`, the path of a file that holds it. Raises InputError.
    """
    return RuntimeSettings(
        db_path=Path(environ.get(DB_PATH) or _DEFAULT_DB_PATH),
        database_url=_url(environ, "DATABASE_URL", STORE_SCHEMES),
        rabbitmq_url=_url(environ, "RABBITMQ_URL", BROKER_SCHEMES),
        live_trading_enabled=_flag(environ, "LIVE_TRADING_ENABLED"),
        oanda_api_key=_secret(environ, "OANDA_API_KEY"),
        oanda_account_id=_secret(environ, "OANDA_ACCOUNT_ID"),
        oanda_env=_oanda_env(environ),
        oanda_rest_url=_web_address(environ, "OANDA_REST_URL"),
        oanda_stream_url=_web_address(environ, "OANDA_STREAM_URL"),
        https_proxy=_proxy(environ, "HTTPS_PROXY"),
        http_proxy=_proxy(environ, "HTTP_PROXY"),
        no_proxy=environ.get("no_proxy") or environ.get("NO_PROXY") or "",
        ssl_cert_file=_path(environ, "SSL_CERT_FILE"),
        audit_anchor_path=_path(environ, "AUDIT_ANCHOR_PATH"),
        audit_anchor_key=_anchor_key(environ),
        audit_anchor_public_key=_anchor_public_key(environ),
    )


def _proxy(environ: Mapping[str, str], name: str) -> SecretStr | None:
    """Return a proxy as the environment names it for all programs: whether it can be used matters to who uses it."""
    given = environ.get(name.lower()) or _given(environ, name) or environ.get("all_proxy") or environ.get("ALL_PROXY")
    if not given:
        return None
    conceal_address(given)
    return SecretStr(given if "://" in given else f"http://{given}")


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name, "").strip()
    return Path(text) if text else None


def _anchor_key(environ: Mapping[str, str]) -> SecretStr | None:
    key = _secret(environ, "AUDIT_ANCHOR_KEY")
    if key is not None:
        private_bytes(key.get_secret_value(), "environment: AUDIT_ANCHOR_KEY")
    return key


def _anchor_public_key(environ: Mapping[str, str]) -> str | None:
    key = _given(environ, "AUDIT_ANCHOR_PUBLIC_KEY")
    if key is not None:
        public_bytes(key, "environment: AUDIT_ANCHOR_PUBLIC_KEY")
    return key


def _secret(environ: Mapping[str, str], name: str) -> SecretStr | None:
    """Return a secret, which is masked from now on in all that is written."""
    value = _given(environ, name)
    if value is None:
        return None
    conceal(value)
    return SecretStr(value)


def _given(environ: Mapping[str, str], name: str) -> str | None:
    value, file_name = environ.get(name, ""), environ.get(f"{name}_FILE", "")
    if value and file_name:
        raise InputError(f"environment: {name} and {name}_FILE are both set; keep one of them")
    if file_name:
        value = _first_line(Path(file_name), f"{name}_FILE")
    return value.strip() or None


def _first_line(path: Path, name: str) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"environment: {name} names {path}, which cannot be read; name a readable text file"
        ) from error
    if not text or "\n" in text:
        raise InputError(f"environment: {name} names {path}, which must hold the secret on a single line")
    return text


def _url(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> SecretStr | None:
    given = _given(environ, name)
    if given is None:
        return None
    address = server_address(f"environment: {name}", given, schemes)
    _require_own_password(name, address)
    return SecretStr(address)


def _require_own_password(name: str, address: str) -> None:
    """Raise InputError for a password that servers are delivered with, where others may reach the server."""
    try:
        parts = urlsplit(address)
        host, user = parts.hostname or "", unquote(parts.username or "").lower()
    except ValueError:
        # The reason quotes the address.
        raise InputError(f"environment: {name} cannot be read; write letters beyond ASCII encoded, as %C3%A4") from None
    given = parts.password
    if given is None and parts.scheme.startswith("amqp"):
        # What clients of the broker send where an address names nobody.
        user, given = user or _GUEST, _GUEST
    password = unquote(given or "").lower()
    if password and (password in DELIVERED_PASSWORDS or password == user) and host and not is_loopback(host):
        raise InputError(
            f"environment: the password in {name} is one that anybody would try, and {host} may be reached by others; "
            "give the server a password of its own"
        )


def _web_address(environ: Mapping[str, str], name: str) -> str | None:
    """Return an address that stands in for OANDA's own, as a simulator has one."""
    address = web_address(f"environment: {name}", environ.get(name, "").strip().rstrip("/"))
    if holds_user(address):
        raise InputError(f"environment: {name} holds a user or a password, for which OANDA has no use; leave them out")
    if address and not address.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise InputError(f"environment: {name} is '{address}'; it must be https://, or http:// on this machine")
    return address or None


def _flag(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "").strip().lower()
    if value not in (*_YES, *_NO, ""):
        raise InputError(f"environment: {name} is '{environ[name]}'; it must be true or false")
    return value in _YES


def _oanda_env(environ: Mapping[str, str]) -> Literal["practice", "live"]:
    match environ.get("OANDA_ENV", "").strip().lower():
        case "" | "practice":
            return "practice"
        case "live":
            return "live"
        case _:
            raise InputError(f"environment: OANDA_ENV is '{environ['OANDA_ENV']}'; it must be practice or live")
