"""deploy/audit.sh: whether packages are known to be vulnerable, and that silence is never taken for a no."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.repository import ROOT

# Stands in for pip-audit: a database that knows of the packages named in "vulnerable", or answers as "broken" says.
PIP_AUDIT: Final = """#!/bin/sh
for word; do
    case "$before" in
    --output) found=$word ;;
    --requirement) cat "$word" >>asked; files="$files $word" ;;
    esac
    before=$word
done
[ ! -f silent ] || { echo "requests.exceptions.ConnectionError: no route" >&2; exit 1; }
if [ -f lost ] && grep -q -f lost $files; then echo "ERROR: first: not found" >&2; exit 1; fi
grep -h -f vulnerable $files >"$found" || { rm -f "$found"; exit 0; }
exit 1
"""
KNOWN: Final = "urllib3==1.24.1"


class Desk:
    """A folder with lock files of a few packages, and a pip-audit that knows what it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "deploy" / "locks").mkdir(parents=True)
        first = "first==1.0 \\\n    --hash=sha256:aa\nsecond==2.0 ; python_version < '3.12' \\\n    --hash=sha256:bb\n"
        again = "second==2.1 ; python_version >= '3.12' \\\n    --hash=sha256:cc\n"
        (folder / "deploy" / "locks" / "runtime.txt").write_text(first + again)
        (folder / "deploy" / "locks" / "dev.txt").write_text(first + again + "third==3.0\n")
        (folder / "bin").mkdir()
        (folder / "bin" / "pip-audit").write_text(PIP_AUDIT)
        (folder / "bin" / "pip-audit").chmod(0o755)
        self.knows(KNOWN)

    def knows(self, *packages: str) -> None:
        (self.folder / "vulnerable").write_text("".join(f"^{package}$\n" for package in packages))

    def audit(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ROOT / "deploy" / "audit.sh", "bin"], cwd=self.folder, capture_output=True, text=True, check=False
        )


@pytest.fixture(name="desk")
def desk_(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_packages_of_all_lock_files_are_looked_up_in_every_version(desk: Desk) -> None:
    done = desk.audit()
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "audit: no package of deploy/locks is known to be vulnerable\n"
    asked = (desk.folder / "asked").read_text().split()
    assert sorted(asked) == ["first==1.0", "second==2.0", "second==2.1", "third==3.0", KNOWN]


def test_vulnerable_packages_are_named(desk: Desk) -> None:
    desk.knows(KNOWN, "second==2.1")
    done = desk.audit()
    assert (done.returncode, done.stdout) == (1, "second==2.1\n")
    assert done.stderr == "audit: these packages of deploy/locks are known to be vulnerable\n"


@pytest.mark.parametrize("why", ["nobody answers", "who answers knows nothing"])
def test_without_a_database_nothing_is_said_to_be_sound(desk: Desk, why: str) -> None:
    if why == "nobody answers":
        (desk.folder / "silent").touch()
    else:
        desk.knows("nothing")
    done = desk.audit()
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"audit: no database of vulnerabilities answers from here, so nothing is known [^\n]*\n", done.stderr
    )


def test_a_package_that_the_database_cannot_find_is_no_sound_one(desk: Desk) -> None:
    (desk.folder / "lost").write_text("^first==\n")
    done = desk.audit()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("so nothing is known: ERROR: first: not found\n")
    assert done.stderr.count("\n") == 1
