"""Parameters that change while the platform runs: settings with the sections laid over them that somebody saved.

A version of the parameters is what the run was begun with, with the newest row of every section up to that version laid
over it. The strategy service stamps every assessed candle with the version in force, and whoever handles the candle
later goes by that version, so a candle is judged and settled under one.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from pydantic import ValidationError

from shared.contracts.commands import CommandType, command_of
from shared.contracts.errors import InputError, InvariantError
from shared.contracts.params import SECTIONS
from shared.core.strategies import STRATEGY_NAMES
from shared.runtime.commands import send_command
from shared.settings.sections import PairRevision
from shared.settings.settings import Settings, revised, sentence_of
from shared.store.port import Reader, Transaction
from shared.store.rows.audit import AuditEntry
from shared.store.rows.commands import CommandRow, NewCommand
from shared.store.rows.params import NewParams, ParamsRow

PARAMS_SAVED: Final = "params.saved"

_PAIRS: Final = "pairs"


class ParameterBook:
    """The settings of every version, each worked out once."""

    def __init__(self, settings: Settings) -> None:
        """Begin with the settings of version 0."""
        self._known = {0: settings}

    def settings_at(self, reader: Reader, version: int) -> Settings:
        """Return the settings of a version that was put into force; one that makes no sense is an InvariantError."""
        try:
            return self.checked(reader, version)
        except InputError as fault:
            raise InvariantError(f"version {version} of the parameters is in force, but {fault}") from fault

    def checked(self, reader: Reader, version: int) -> Settings:
        """Return the settings of a version that is perhaps to be put into force; raise InputError for a bad one."""
        if version not in self._known:
            rows = reader.newest_params(version)
            _require_known([row.section for row in rows if row.version == version])
            self._known[version] = with_params(self._known[0], rows)
        return self._known[version]


def with_params(settings: Settings, rows: Iterable[ParamsRow]) -> Settings:
    """Return settings with saved sections laid over them; raise InputError for a section that makes no sense.

    One that is not known, such as that of a strategy which is no longer there, is passed over: it could not be mended.
    """
    sections: dict[str, object] = {}
    for row in rows:
        if row.section not in SECTIONS:
            continue
        try:
            sections[row.section] = msgspec.json.decode(row.body_json)
        except msgspec.DecodeError as fault:
            raise InputError(f"version {row.version} ({row.section}) of the parameters is not JSON") from fault
    return with_sections(settings, sections)


def with_sections(settings: Settings, sections: Mapping[str, object]) -> Settings:
    """Return settings with sections replaced; raise InputError naming the value that cannot be."""
    _require_known(sections)
    for section, body in sections.items():
        # A value that is left out would fall back to the program's default, not to what it was.
        if section != _PAIRS:
            _require_complete(section, body, section_of(settings, section))
    try:
        return revised(settings, sections)
    except ValidationError as error:
        raise InputError(sentence_of(error.errors()[0])) from error


class Saved(NamedTuple):
    """The versions that were saved, none where nothing is new, and the command that puts them into force."""

    rows: list[ParamsRow]
    command: CommandRow | None


class StaleParamsError(InputError):
    """Somebody else saved a version meanwhile; read it, then save again."""


def require_newest(reader: Reader, sections: Collection[str], version: int) -> None:
    """Raise StaleParamsError unless a version is the newest of some sections, 0 while there is none."""
    newest = max((row.version for row in reader.newest_params() if row.section in sections), default=0)
    if newest != version:
        raise StaleParamsError(f"version {newest} was saved after version {version}; look at it and send again")


def save_params(
    transaction: Transaction, settings: Settings, sections: Mapping[str, object], actor: str, now: int
) -> Saved:
    """Save sections, each in full, and send the command that puts them into force; what is saved already is left out.

    `settings` are those that the run was begun with. Raises InputError for a value that cannot be.
    """
    known = {row.section: row for row in transaction.newest_params()}
    untouched = [row for section, row in known.items() if section not in sections]
    wanted = with_sections(with_params(settings, untouched), sections)
    saved: list[ParamsRow] = []
    for section in sections:
        after = written_section(wanted, section)
        before = known[section].body_json if section in known else written_section(settings, section)
        if before == after:
            continue
        row = transaction.add_params(
            NewParams(
                section=section, body_json=after, hash=section_hash(section, after), actor=actor, created_time=now
            )
        )
        detail = {"section": section, "version": row.version, "hash": row.hash, "before": before, "after": after}
        transaction.append_audit(
            [AuditEntry(time=now, actor=actor, action=PARAMS_SAVED, command_id=None, detail=detail)]
        )
        saved.append(row)
    if not saved:
        return Saved([], None)
    reload = command_of(CommandType.RELOAD_PARAMS, None, None)
    new = NewCommand(
        created_time=now,
        actor=actor,
        type=reload.type,
        payload_json="{}",
        idempotency_key=f"params-{saved[-1].version}",
    )
    return Saved(saved, send_command(transaction, reload, new).row)


def section_of(settings: Settings, section: str) -> dict[str, Any]:
    """Return a section of the settings in full, as plain JSON values."""
    if section in STRATEGY_NAMES:
        return settings.strategies.model_dump(mode="json")[section]  # type: ignore[no-any-return]
    if section == _PAIRS:
        return {pair: _pair_of(settings, pair) for pair in sorted(settings.pairs)}
    dumped: dict[str, Any] = getattr(settings, section).model_dump(mode="json")
    return dumped


def written_section(settings: Settings, section: str) -> str:
    """Return the one JSON text of a section of the settings, as a version of it is kept."""
    return msgspec.json.encode(section_of(settings, section), order="sorted").decode()


def section_hash(section: str, body_json: str) -> str:
    """Return the sha256 by which a version of a section is known."""
    return hashlib.sha256(f"{section}\n{body_json}".encode()).hexdigest()


def _require_known(sections: Iterable[str]) -> None:
    if unknown := sorted(set(sections) - set(SECTIONS)):
        raise InputError(f"there are no parameters {unknown[0]!r}: use one of {', '.join(SECTIONS)}")


def _require_complete(name: str, body: object, known: Mapping[str, Any]) -> None:
    if not isinstance(body, Mapping):
        raise InputError(f"{name} must be a table")
    for key, value in known.items():
        if key not in body:
            raise InputError(f"{name}.{key} is missing; {name} is replaced in full")
        if isinstance(value, Mapping):
            _require_complete(f"{name}.{key}", body[key], value)


def _pair_of(settings: Settings, pair: str) -> dict[str, Any]:
    written = settings.pairs[pair].model_dump(mode="json", include=set(PairRevision.model_fields))
    return {name: value for name, value in written.items() if value is not None}
