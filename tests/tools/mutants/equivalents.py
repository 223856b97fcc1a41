"""Read which mutants no test can notice, and find those that are named there and made no more."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path


def equivalents_in(path: Path) -> dict[str, str]:
    """Return the reason why nobody could notice it, by the key of each mutant."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def outdated(equivalent: Mapping[str, str], made: Collection[str], sources: Collection[str] | None) -> list[str]:
    """Return the keys that fit none of the mutants that were made.

    Only keys of files in or below `sources` are looked at; None stands for every key, whatever its file.
    """
    return [
        key
        for key in equivalent
        if key not in made and (sources is None or any(_is_of(key.split(" ", 1)[0], source) for source in sources))
    ]


def _is_of(file: str, source: str) -> bool:
    return file == source or file.startswith(f"{source}/")
