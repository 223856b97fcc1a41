"""Say what the platform is made of: a software bill of materials, and the licences of its packages.

Usage: python deploy/sbom.py FILE                 writes the bill of deploy/locks/runtime.txt, as CycloneDX 1.6 in JSON
       python deploy/sbom.py --installed FILE     of its packages, only those that this Python has installed
       python deploy/sbom.py --licences           writes deploy/licences.json anew from what this Python has installed

Nothing but Python is needed. SOURCE_DATE_EPOCH, where it is set, is the time of the bill in place of now.
"""

import json
import os
import re
import sys
import tomllib
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

HERE: Final = Path(__file__).resolve().parent
PROJECT: Final = HERE.parent / "pyproject.toml"
LOCK: Final = HERE / "locks" / "runtime.txt"
LICENCES: Final = HERE / "licences.json"
# What may be handed on together with a program under MIT: permissive licences, and copyleft that ends at its own files
# or at its own library, which is used unchanged and can be replaced.
ALLOWED: Final = frozenset({
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT",
    "MIT-0", "PSF-2.0", "Zlib",
    "LGPL-3.0-only", "MPL-2.0",
})  # fmt: skip
# By their licence files: packages that declare less than there is to say, or that most machines do not install.
LOOKED_UP: Final = {"colorama": "BSD-3-Clause", "numba": "BSD-2-Clause"}
IN_OTHER_WORDS: Final = {"ISC License": "ISC", "MIT License": "MIT"}
_LOCKED: Final = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<where>[^\\\n]+?))?(?: \\)?$")
_HASH: Final = re.compile(r"^    --hash=sha256:(?P<hash>[0-9a-f]{64})(?: \\)?$")


class Locked(NamedTuple):
    """A package of a lock file: where it is installed, and the SHA-256 of each file that it may be installed from."""

    name: str
    version: str
    where: str | None
    hashes: tuple[str, ...]

    @property
    def url(self) -> str:
        """Return the package URL, which is its name everywhere."""
        return f"pkg:pypi/{self.name}@{quote(self.version, safe='')}"


def read_lock(text: str) -> list[Locked]:
    """Return the packages of a lock file; raise ValueError with the number of a line that is none of its form."""
    packages: list[Locked] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _LOCKED.match(line):
            packages.append(Locked(name=found["name"], version=found["version"], where=found["where"], hashes=()))
        elif packages and (found := _HASH.match(line)):
            packages[-1] = packages[-1]._replace(hashes=(*packages[-1].hashes, found["hash"]))
        else:
            raise ValueError(f"line {number} is neither a package nor a hash of one: {line!r}")
    return packages


def installed_version(name: str) -> str | None:
    """Return the version of a package that this Python has installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def installed_licence(name: str) -> str | None:
    """Return the licence that an installed package declares, in the words of SPDX; none where it declares none."""
    try:
        package = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return None
    for field in ("License-Expression", "License"):
        if field in package:
            return IN_OTHER_WORDS.get(package[field], package[field])
    classifiers = [each.rpartition(":: ")[2] for each in package.get_all("Classifier") or [] if "License ::" in each]
    return IN_OTHER_WORDS.get(classifiers[0]) if len(classifiers) == 1 else None


def parts(expression: str) -> set[str]:
    """Return the licences that an SPDX expression is made of, each with its exception."""
    return {each.strip("() ") for each in re.split(r" (?:AND|OR) ", expression)}


def licences_of(packages: Sequence[Locked]) -> dict[str, str]:
    """Return the licence of each package; raise ValueError where one has none, or one that is not allowed."""
    licences = {}
    for name in sorted({package.name for package in packages}):
        licence = LOOKED_UP.get(name) or installed_licence(name)
        if licence is None:
            raise ValueError(
                f"{name} is not installed here or declares no licence: look it up, and add it to LOOKED_UP"
            )
        if refused := parts(licence) - ALLOWED:
            raise ValueError(f"{name} is under {licence}, and {', '.join(sorted(refused))} is not among those ALLOWED")
        licences[name] = licence
    return licences


def bill(packages: Sequence[Locked], licences: Mapping[str, str], project: Mapping[str, Any], made: datetime) -> Any:
    """Return the bill of materials of a project that is made of some packages, as a CycloneDX 1.6 document."""
    root = f"pkg:generic/{project['name']}@{project['version']}"
    direct = {re.split(r"[^\w.-]", each, maxsplit=1)[0].lower() for each in project["dependencies"]}
    components = [_component(package, licences[package.name]) for package in packages]
    identity = json.dumps([root, made.isoformat(), components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "lifecycles": [{"phase": "build"}],
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": project["name"],
                "version": project["version"],
                "description": project["description"],
                "licenses": _licences(project["license"]),
                "purl": root,
            },
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [each.url for each in packages if each.name in direct]}],
    }


def _component(package: Locked, licence: str) -> dict[str, Any]:
    component = {
        "type": "library",
        "bom-ref": package.url,
        "name": package.name,
        "version": package.version,
        "licenses": _licences(licence),
        "purl": package.url,
        "externalReferences": [
            {
                "type": "distribution",
                "url": package.url,
                "comment": "hashes of the files that it may be installed from; one of them is",
                "hashes": [{"alg": "SHA-256", "content": each} for each in package.hashes],
            }
        ],
    }
    if package.where is not None:
        component["properties"] = [{"name": "scalpbot:installed-where", "value": package.where}]
    return component


def _licences(expression: str) -> list[dict[str, Any]]:
    if " " in expression:
        return [{"expression": expression, "acknowledgement": "declared"}]
    return [{"license": {"id": expression, "acknowledgement": "declared"}}]


def _bill_of(packages: Sequence[Locked]) -> Any:
    licences = json.loads(LICENCES.read_text(encoding="utf-8"))
    if missing := sorted({each.name for each in packages} - set(licences)):
        raise ValueError(f"{LICENCES.name} lacks {', '.join(missing)}: run `make licences`")
    return bill(packages, licences, tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"], _now())


def _write(file: Path, document: Any) -> None:
    file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _now() -> datetime:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.now(UTC) if epoch is None else datetime.fromtimestamp(int(epoch), UTC)


def main(arguments: Sequence[str]) -> int:
    """Write what is asked for; return 2 and say why when it could not be."""
    try:
        packages = read_lock(LOCK.read_text(encoding="utf-8"))
        match arguments:
            case ["--licences"]:
                _write(LICENCES, licences_of(packages))
            case ["--installed", file]:
                present = [each for each in packages if installed_version(each.name) == each.version]
                _write(Path(file), _bill_of(present))
            case [file] if not file.startswith("-"):
                _write(Path(file), _bill_of(packages))
            case _:
                raise ValueError("name the file to write, with --installed in front or not, or say --licences")
    except (OSError, ValueError) as error:
        sys.stderr.write(f"sbom: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
