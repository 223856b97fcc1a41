"""What `make paper`, `make up` and `make test` set up: in any order, two at once, and where something is missing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.deployed import wait_until
from tests.repository import ROOT

# Stands in for Python: environments hold a copy of it, and what pip was asked for is written down. A "slow" lock takes
# until somebody says "go".
PYTHON = f"""#!/bin/sh
case "$1 $2" in
"-m venv")
    [ ! -f no-venv ] || {{ echo "ensurepip is not available" ; exit 1; }}
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "venv $3" >>said ;;
"-m pip")
    shift 2
    [ "$1" != --version ] || exit 0
    for word; do last=$word; done
    case "$last" in
    *slow.txt) touch begun; while [ ! -f go ]; do sleep 0.05; done ;;
    *bad.txt) echo "ERROR: no such package" >&2; exit 1 ;;
    esac
    echo "Collecting one==1 (from $last)"
    echo "pip $last" >>said ;;
*) exec {sys.executable} "$@" ;;
esac
"""


class Checkout:
    """A checkout with lock files of one package, and a Python that only says what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "deploy").mkdir()
        shutil.copy(ROOT / "deploy" / "setup.sh", folder / "deploy")
        (folder / "pyproject.toml").write_text("[project]\n")
        (folder / "python").write_text(PYTHON)
        (folder / "python").chmod(0o755)
        for lock in ("runtime", "dev", "slow", "bad"):
            (folder / f"{lock}.txt").write_text(f"one==1 \\\n    --hash=sha256:{lock}\n")

    def start(self, *locks: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["deploy/setup.sh", ".venv", *(f"{lock}.txt" for lock in locks)],
            cwd=self.folder,
            env=os.environ | {"PYTHON": "./python"},
            stderr=subprocess.PIPE,
            text=True,
        )

    def set_up(self, *locks: str) -> tuple[int, str]:
        process = self.start(*locks)
        _, told = process.communicate(timeout=60)
        return process.returncode, told

    def wait_for_pip(self) -> None:
        """Wait until a slow installation is under way; what was said is not read, since that clears it."""
        wait_until((self.folder / "begun").exists, 30.0, "the installation to begin")

    def said(self) -> list[str]:
        """What Python was asked since the last time."""
        said = self.folder / "said"
        lines = said.read_text().splitlines() if said.exists() else []
        said.write_text("")
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_tests_add_to_the_environment_that_runs_and_nothing_is_installed_twice(checkout: Checkout) -> None:
    assert checkout.set_up("runtime")[0] == 0
    assert checkout.said() == ["venv .venv", "pip runtime.txt", "pip ."]
    kept = checkout.folder / ".venv" / "opened-by-a-running-process"
    kept.write_text("")
    assert checkout.set_up("runtime", "dev")[0] == 0
    assert checkout.said() == ["pip dev.txt"]
    for locks in (("runtime",), ("runtime", "dev"), ("runtime",)):
        assert checkout.set_up(*locks) == (0, "")
    assert checkout.said() == []
    assert kept.exists()


def test_what_changed_is_installed_in_place(checkout: Checkout) -> None:
    checkout.set_up("runtime", "dev")
    checkout.said()
    (checkout.folder / "dev.txt").write_text("one==2 \\\n    --hash=sha256:dev\n")
    checkout.set_up("runtime", "dev")
    assert checkout.said() == ["pip dev.txt"]
    (checkout.folder / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    checkout.set_up("runtime")
    assert checkout.said() == ["pip ."]


def test_second_of_two_at_once_waits_says_so_and_installs_nothing_again(checkout: Checkout) -> None:
    first = checkout.start("slow")
    checkout.wait_for_pip()
    second = checkout.start("slow")
    assert second.stderr is not None
    assert second.stderr.readline() == "setup: another set-up of .venv is at work; waiting for it\n"
    (checkout.folder / "go").write_text("")
    assert first.wait(60) == second.wait(60) == 0
    assert checkout.said() == ["venv .venv", "pip slow.txt", "pip ."]
    first.communicate()
    assert second.communicate()[1] == ""


def test_lock_ends_with_a_set_up_that_was_killed_and_the_next_goes_on(checkout: Checkout) -> None:
    first = checkout.start("runtime", "slow")
    checkout.wait_for_pip()
    first.kill()
    (checkout.folder / "go").write_text("")
    first.communicate()
    checkout.said()
    assert checkout.set_up("runtime", "slow")[0] == 0
    assert checkout.said()[-2:] == ["pip slow.txt", "pip ."]


def test_missing_venv_is_told_in_its_own_words_with_the_package_that_mends_it(checkout: Checkout) -> None:
    (checkout.folder / "no-venv").write_text("")
    code, told = checkout.set_up("runtime")
    assert code == 2
    assert "ensurepip is not available" in told
    assert re.search(r"install the package python3\.\d+-venv \(apt-get install python3\.\d+-venv\) and try again", told)
    assert not (checkout.folder / ".venv").exists()
    (checkout.folder / "no-venv").unlink()
    assert checkout.set_up("runtime")[0] == 0


def test_package_that_pip_refuses_is_told_and_not_taken_for_installed(checkout: Checkout) -> None:
    code, told = checkout.set_up("runtime", "bad")
    assert code == 1
    assert "ERROR: no such package" in told
    assert "setup: pip could not install bad.txt" in told
    checkout.said()
    assert checkout.set_up("runtime", "bad")[0] == 1
    assert checkout.said() == []


def test_environment_that_was_copied_with_its_checkout_is_made_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.set_up("runtime")
    copied = tmp_path / "copied"
    copied.mkdir()
    another = Checkout(copied)
    shutil.copytree(checkout.folder / ".venv", copied / ".venv", symlinks=True)
    assert "is not whole; making it anew" in another.set_up("runtime")[1]
    assert another.said()[0] == "venv .venv"


def test_set_up_never_installs_packages_of_the_machine() -> None:
    commands = re.sub(r'say "[^\n]*\n[^\n]*', "", (ROOT / "deploy" / "setup.sh").read_text())
    assert "apt-get" not in commands


def test_larger_lock_files_hold_what_smaller_ones_hold() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[\w.-]+==[^\s;]+", (ROOT / "deploy" / "locks" / name).read_text(), re.MULTILINE))

    assert pins("runtime.txt") <= pins("dev.txt") <= pins("bench.txt")
