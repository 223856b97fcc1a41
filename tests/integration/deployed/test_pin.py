"""deploy/docker/pin.sh: the digests of images go to .env, from whatever engine there is, or a sentence says why not."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.repository import ROOT

# Stands in for docker: what it has fetched is in "fetched", what a registry says in "offered", an image and its digest
# on each line. What was built on the machine is in neither.
DOCKER: Final = r"""#!/bin/sh
for image; do :; done
name=${image%:*}
case "$1" in
image) sed -n "s|^$image |$name@|p" fetched; echo "other/${name##*/}@sha256:0000" ;;
buildx) printf 'Name:      %s\n' "$image"; sed -n "s|^$image |Digest:    |p" offered ;;
pull) grep "^$image " offered >new || exit 1; grep -v "^$image " fetched >>new; mv new fetched ;;
esac
"""
IMAGES: Final = {
    "PYTHON_IMAGE": "python:3.12-slim",
    "RABBITMQ_IMAGE": "rabbitmq:4-management",
    "POSTGRES_IMAGE": "postgres:17",
}


class Machine:
    """A checkout on a machine whose engine knows the digests that it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "deploy" / "docker").mkdir(parents=True)
        shutil.copy(ROOT / "deploy" / "docker" / "pin.sh", folder / "deploy" / "docker")
        shutil.copy(ROOT / ".env.example", folder)
        (folder / "bin").mkdir()
        (folder / "bin" / "docker").write_text(DOCKER)
        (folder / "bin" / "docker").chmod(0o755)
        self.knows("fetched", {})
        self.knows("offered", {})

    @property
    def file(self) -> Path:
        return self.folder / ".env"

    def knows(self, where: str, digests: dict[str, str]) -> None:
        lines = [f"{image} sha256:{digest}\n" for image, digest in digests.items()]
        (self.folder / where).write_text("".join(lines))

    def pin(self, *options: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["deploy/docker/pin.sh", *options],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(name="machine")
def machine_(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def pinned(digest: str) -> str:
    return "".join(f"{variable}={image}@sha256:{digest}\n" for variable, image in IMAGES.items())


def test_images_of_the_example_are_those_that_are_pinned() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    found = dict(re.findall(r"^#(\w+_IMAGE)=(.*)$", example, re.MULTILINE))
    assert {name: image for name, image in found.items() if name != "SCALPBOT_IMAGE"} == IMAGES


@pytest.mark.parametrize("where", ["fetched", "offered"])
def test_digests_come_from_what_was_fetched_or_else_from_the_registry(machine: Machine, where: str) -> None:
    machine.knows(where, dict.fromkeys(IMAGES.values(), "aa11"))
    done = machine.pin()
    assert done.returncode == 0, done.stderr
    assert machine.file.read_text() == pinned("aa11")
    assert "deploy/docker/pin.sh --renew" in done.stderr


def test_what_else_is_in_the_file_stays_and_so_do_its_rights(machine: Machine) -> None:
    machine.file.write_text("SPEED=300\nPOSTGRES_IMAGE=postgres:18\n")
    machine.file.chmod(0o600)
    images = {**IMAGES, "POSTGRES_IMAGE": "postgres:18"}
    machine.knows("fetched", dict.fromkeys(images.values(), "aa11"))
    assert machine.pin().returncode == 0
    assert machine.file.read_text() == "SPEED=300\n" + pinned("aa11").replace("postgres:17", "postgres:18")
    assert stat.S_IMODE(machine.file.stat().st_mode) == 0o600


def test_renewing_fetches_what_the_tags_stand_for_today(machine: Machine) -> None:
    machine.knows("fetched", dict.fromkeys(IMAGES.values(), "aa11"))
    machine.pin()
    machine.knows("offered", dict.fromkeys(IMAGES.values(), "bb22"))
    assert machine.pin().returncode == 0
    assert machine.file.read_text() == pinned("aa11")
    done = machine.pin("--renew")
    assert done.returncode == 0, done.stderr
    assert machine.file.read_text() == pinned("bb22")


def test_an_image_without_a_digest_is_refused_and_nothing_is_written(machine: Machine) -> None:
    machine.file.write_text("SPEED=300\n")
    machine.knows("fetched", {"python:3.12-slim": "aa11", "rabbitmq:4-management": "aa11"})
    done = machine.pin()
    assert done.returncode == 2
    assert "docker knows no digest of postgres:17 (POSTGRES_IMAGE)" in done.stderr.splitlines()[-1]
    assert "docker pull postgres:17" in done.stderr.splitlines()[-1]
    assert machine.file.read_text() == "SPEED=300\n"
    assert sorted(path.name for path in machine.folder.glob(".env*")) == [".env", ".env.example"]


def test_an_option_that_does_not_exist_is_refused(machine: Machine) -> None:
    done = machine.pin("--new")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'--new' is not understood" in done.stderr
