"""Whether the program's own settings can be read: the file, and each variable of the environment for itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from services.inspection.doctor.findings import CheckResult, Finding, sentence_of
from shared.contracts.errors import InputError
from shared.settings.environment import DB_PATH, read_runtime
from shared.settings.settings import Settings, load_settings

SETTINGS: Final = "settings"
ENVIRONMENT: Final = "environment"
_VARIABLES: Final = (
    DB_PATH,
    "DATABASE_URL",
    "RABBITMQ_URL",
    "LIVE_TRADING_ENABLED",
    "OANDA_API_KEY",
    "OANDA_ACCOUNT_ID",
    "OANDA_ENV",
    "OANDA_REST_URL",
    "OANDA_STREAM_URL",
)


class ReadSettings(NamedTuple):
    """The settings as far as they can be read, defaults in place of the rest, and what was found on the way."""

    settings: Settings
    findings: tuple[Finding, ...]


def readable_settings(path: Path | None, environ: Mapping[str, str]) -> ReadSettings:
    """Read settings file and environment, going on with defaults where something is wrong."""
    usable, faults = _usable_variables(environ)
    runtime_names = {name for variable in _VARIABLES for name in _forms(variable)}
    others = {name: value for name, value in environ.items() if name not in runtime_names}
    try:
        settings = load_settings(path, {**others, **usable})
        where = "no settings file, so the defaults apply" if path is None else f"{path} can be read"
        found = Finding(SETTINGS, CheckResult.OK, where)
    except InputError as fault:
        settings = Settings(runtime=read_runtime(usable))
        found = Finding(SETTINGS, CheckResult.PROBLEM, f"{sentence_of(fault)} (the other checks use the defaults)")
    if faults:
        variables = Finding(ENVIRONMENT, CheckResult.PROBLEM, "; ".join(faults))
    else:
        variables = Finding(ENVIRONMENT, CheckResult.OK, "every variable that is set is valid")
    return ReadSettings(settings, (found, variables))


def _forms(variable: str) -> tuple[str, str]:
    return variable, f"{variable}_FILE"


def _usable_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the variables that can be used, and a sentence for each that cannot."""
    usable: dict[str, str] = {}
    faults: list[str] = []
    for variable in _VARIABLES:
        given = {name: environ[name] for name in _forms(variable) if name in environ}
        try:
            read_runtime(given)
        except InputError as fault:
            faults.append(sentence_of(fault))
        else:
            usable |= given
    return usable, faults
