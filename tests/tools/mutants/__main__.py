"""Change the product in many small ways and count what goes unnoticed: `make mutants`.

`python -m tests.tools.mutants [SCOPE...]`
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.repository import ROOT
from tests.tools.mutants.equivalents import equivalents_in, outdated
from tests.tools.mutants.mutations import Mutant, mutants_of
from tests.tools.mutants.runner import Judged, MutantRunner
from tests.tools.mutants.scopes import SCOPES

_EQUIVALENT: Final = Path(__file__).with_name("equivalent.toml")
_OPTIONS: Final = (
    "--import-mode=importlib",
    "-p",
    "no:schemathesis",
    "-p",
    "no:xdist",
    "-p",
    "no:terminal",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:faulthandler",
)


def _tell(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)


def _mutants(names: Sequence[str]) -> dict[str, list[Mutant]]:
    """Return the mutants of each scope."""
    found: dict[str, list[Mutant]] = {}
    for name in names:
        sources = [ROOT / source for source in SCOPES[name].sources]
        files = [
            file for source in sources for file in ([source] if source.is_file() else sorted(source.rglob("*.py")))
        ]
        found[name] = [mutant for file in files for mutant in mutants_of(file, str(file.relative_to(ROOT)))]
    return found


def _report(found: dict[str, list[Mutant]], judged: Sequence[Judged], equivalent: dict[str, str]) -> int:
    """Print what came of the mutants by scope and each that goes unnoticed; return how many have no reason."""
    verdicts = {one.mutant.key: one.verdict for one in judged}
    print(f"{'scope':<10}{'made':>7}{'killed':>8}{'equivalent':>12}{'unnoticed':>11}")
    unnoticed: list[str] = []
    for name, mutants in found.items():
        count: Counter[str] = Counter()
        for mutant in mutants:
            killed = verdicts[mutant.key] in ("killed", "timeout")
            kind = "killed" if killed else "equivalent" if mutant.key in equivalent else "unnoticed"
            count[kind] += 1
            if kind == "unnoticed":
                unnoticed.append(f"{mutant.key}  ({verdicts[mutant.key]}, line {mutant.line})")
        print(f"{name:<10}{len(mutants):>7}{count['killed']:>8}{count['equivalent']:>12}{count['unnoticed']:>11}")
    for line in unnoticed:
        print(f"unnoticed: {line}")
    return len(unnoticed)


def main(arguments: Sequence[str]) -> int:
    """Run the mutants of the scopes that are named, or of all; return 1 where one goes unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("scopes", nargs="*", metavar="SCOPE", help=f"any of: {', '.join(SCOPES)} (default: all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="forks at once (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="run only mutants named so in part; repeatable"
    )
    chosen = parser.parse_args(arguments)
    wrong = sorted(set(chosen.scopes) - set(SCOPES))
    if wrong:
        parser.error(f"there is no scope {wrong[0]}; choose of {', '.join(SCOPES)}")
    made = _mutants(chosen.scopes or list(SCOPES))
    equivalent = equivalents_in(_EQUIVALENT)
    keys = {mutant.key for mutants in made.values() for mutant in mutants}
    sources = [source for name in chosen.scopes for source in SCOPES[name].sources] or None
    if not chosen.only and (old := outdated(equivalent, keys, sources)):
        parser.error(f"{_EQUIVALENT.name} names what fits no mutant; take it out or name it anew: {'; '.join(old)}")
    found = {
        name: [mutant for mutant in mutants if not chosen.only or any(text in mutant.key for text in chosen.only)]
        for name, mutants in made.items()
    }
    runner = MutantRunner([mutant for mutants in found.values() for mutant in mutants], ROOT, chosen.jobs, _tell)
    tests = dict.fromkeys(test for name in found for test in SCOPES[name].tests)
    ending = pytest.main(["--override-ini=addopts=", *_OPTIONS, *tests], plugins=[runner])
    if not runner.judged:
        _tell(f"the tests did not run: pytest ended with {ending!r}")
        return 2
    return 1 if _report(found, runner.judged, equivalent) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
