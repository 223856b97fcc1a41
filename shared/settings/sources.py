"""Reading settings from a TOML file and an environment, remembering where each value was written."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias

from shared.contracts.errors import InputError
from shared.files.unwrapped import unwrapped
from shared.settings.environment import DB_PATH

KeyPath: TypeAlias = tuple[str, ...]

_PREFIX: Final = "SCALP_BOT_"
_PART: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEY: Final = rf"({_PART}(?:\s*\.\s*{_PART})*)"
_TABLE: Final = re.compile(rf"\s*\[\[?\s*{_KEY}\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT: Final = re.compile(rf"\s*{_KEY}\s*=.*")
_PAIR_SHAPE: Final = re.compile(r"[A-Z]{3}_[A-Z]{3}")
_SYNTAX_PLACE: Final = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)")


@dataclass(frozen=True)
class Written:
    """Values as nested tables, the lines of the file's keys, and the variables that gave the others."""

    values: dict[str, Any]
    file_name: str
    lines: Mapping[KeyPath, int]
    variables: Mapping[KeyPath, str]

    def place(self, path: KeyPath) -> str:
        """Return where the value at a path was written: a variable, or a file and line."""
        for given, name in self.variables.items():
            shared = min(len(given), len(path))
            if given[:shared] == path[:shared]:
                return f"environment variable {name}"
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return f"{self.file_name}:{self.lines[path[:length]]}"
        return self.file_name


def read_sources(path: Path | None, environ: Mapping[str, str], sections: tuple[str, ...]) -> Written:
    """Read a TOML file, if there is one, and lay the `SCALP_BOT_<SECTION>__<KEY>` variables over it.

    Raises InputError for a file that cannot be read or parsed and for a variable that names no key of a section.
    """
    text = "" if path is None else _file_text(path)
    file_name = "settings" if path is None else str(path)
    values = _parsed(text, file_name)
    variables: dict[KeyPath, str] = {}
    for name in sorted(name for name in environ if _overrides(name, environ)):
        key_path = _key_path(name, sections)
        if _put(values, key_path, environ[name]):
            variables[key_path] = name
    return Written(values=values, file_name=file_name, lines=key_lines(text), variables=variables)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line on which each table and key of a TOML text is first written, counted from 1."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _TABLE.fullmatch(line):
            table = _parts(match[1])
            lines.setdefault(table, number)
        elif match := _ASSIGNMENT.fullmatch(line):
            lines.setdefault((*table, *_parts(match[1])), number)
    return lines


def _parts(key: str) -> KeyPath:
    return tuple(part.strip("\"'") for part in re.findall(_PART, key))


def _file_text(path: Path) -> str:
    with unwrapped(path, "settings file") as stream:
        content = stream.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the settings cannot be read; name a readable TOML file in UTF-8") from error


def _parsed(text: str, file_name: str) -> dict[str, Any]:
    try:
        # Decimal keeps what was written; a float would make 0.1 inexact before it is checked.
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX_PLACE.fullmatch(str(error))
        fault, line = match.groups() if match else (str(error), None)
        place = f"{file_name}:{line or len(text.splitlines())}"
        raise InputError(f"{place}: the settings are not valid TOML: {fault}") from error


def _overrides(name: str, environ: Mapping[str, str]) -> bool:
    return name.startswith(_PREFIX) and name != DB_PATH and environ[name] != ""


def _key_path(name: str, sections: tuple[str, ...]) -> KeyPath:
    parts = name.removeprefix(_PREFIX).split("__")
    path = tuple(part if _PAIR_SHAPE.fullmatch(part) else part.lower() for part in parts)
    if len(path) == 1 or "" in path or path[0] not in sections:
        raise InputError(
            f"environment variable {name} is not a setting; write {_PREFIX}<SECTION>__<KEY> with one of the sections "
            f"{', '.join(sections)}"
        )
    return path


def _put(values: dict[str, Any], path: KeyPath, value: str) -> bool:
    """Put a value at a path; return False where the file has a value in place of a table, which checking refuses."""
    table = values
    for part in path[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            return False
        table = inner
    table[path[-1]] = value
    return True
