"""What the platform says it is made of: its bill of materials, and the licences of its packages."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import jsonschema_rs
import pytest
from cyclonedx.model.bom import Bom
from license_expression import get_spdx_licensing

from tests.repository import ROOT

LOCK: Final = (ROOT / "deploy" / "locks" / "runtime.txt").read_text(encoding="utf-8")
LICENCES: Final[dict[str, str]] = json.loads((ROOT / "deploy" / "licences.json").read_text(encoding="utf-8"))
MOMENT: Final = "1700000000"


@pytest.fixture(scope="module", name="sbom")
def sbom_() -> ModuleType:
    """Return the script, which is in no package."""
    spec = importlib.util.spec_from_file_location("sbom", ROOT / "deploy" / "sbom.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # As in the image: isolated, with nothing but Python's own library unless it is asked for what is installed.
    environ = {"SOURCE_DATE_EPOCH": MOMENT}
    return subprocess.run(
        [sys.executable, "-I", str(script), *arguments], env=environ, capture_output=True, text=True, check=False
    )


def bill_of(folder: Path, *options: str) -> dict[str, Any]:
    file = folder / "sbom.cdx.json"
    done = run(ROOT / "deploy" / "sbom.py", *options, str(file))
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def test_bill_names_every_locked_package_with_version_hashes_and_licence(tmp_path: Path) -> None:
    components = bill_of(tmp_path)["components"]
    pins = re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    assert [(each["name"], each["version"]) for each in components] == pins
    assert [each["purl"] for each in components] == [f"pkg:pypi/{name}@{version}" for name, version in pins]
    hashes = [each["content"] for component in components for each in component["externalReferences"][0]["hashes"]]
    assert hashes == re.findall(r"sha256:([0-9a-f]{64})", LOCK)
    for component in components:
        (licence,) = component["licenses"]
        assert LICENCES[component["name"]] == licence.get("expression", licence.get("license", {}).get("id"))


def test_bill_keeps_to_the_schema_of_cyclonedx_and_is_read_by_its_library(tmp_path: Path) -> None:
    document = bill_of(tmp_path)
    main, *others = (
        json.loads((files("cyclonedx.schema") / "_res" / f"{name}.SNAPSHOT.schema.json").read_text("utf-8"))
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    )
    # As the library ships them they name each other otherwise than themselves.
    registry = jsonschema_rs.Registry([(each["$id"].replace(".schema", ".SNAPSHOT.schema"), each) for each in others])
    jsonschema_rs.validator_for(main, registry=registry).validate(document)
    read = Bom.from_json(document)  # type: ignore[attr-defined]
    assert sorted(str(each.purl) for each in read.components) == sorted(each["purl"] for each in document["components"])
    assert read.metadata.component.name == "scalpbot"


def test_bill_is_the_same_for_the_same_lock_file_at_the_same_time(tmp_path: Path) -> None:
    first, second = (bill_of(tmp_path) for _ in range(2))
    assert first == second
    assert first["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_bill_of_what_is_installed_leaves_out_what_is_not(tmp_path: Path) -> None:
    named = {each["purl"] for each in bill_of(tmp_path, "--installed")["components"]}
    everything = {each["purl"] for each in bill_of(tmp_path)["components"]}
    # Of numpy two versions are locked, for older and for newer Pythons.
    numpy = re.findall(r"^numpy==(\S+)", LOCK, re.MULTILINE)
    assert len([each for each in named if each.startswith("pkg:pypi/numpy@")]) == 1
    assert len(numpy) == 2
    assert named < everything


def test_licences_are_on_file_for_every_locked_package_and_no_other() -> None:
    assert set(LICENCES) == set(re.findall(r"^([\w.-]+)==", LOCK, re.MULTILINE))


def test_no_package_is_under_a_licence_that_is_not_allowed(sbom: ModuleType) -> None:
    spdx = get_spdx_licensing()
    for name, licence in LICENCES.items():
        assert not spdx.validate(licence).errors, name
        assert sbom.parts(licence) <= sbom.ALLOWED, name


def test_licences_on_file_are_those_that_the_packages_declare(sbom: ModuleType) -> None:
    assert sbom.licences_of(sbom.read_lock(LOCK)) == LICENCES


def test_package_under_a_licence_that_is_not_allowed_is_refused_by_name(
    sbom: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sbom, "ALLOWED", sbom.ALLOWED - {"MPL-2.0"})
    with pytest.raises(ValueError, match=r"certifi is under MPL-2\.0, and MPL-2\.0 is not among those ALLOWED"):
        sbom.licences_of(sbom.read_lock(LOCK))


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ("new==1.0 \\\n    --hash=sha256:" + 64 * "a" + "\n", "licences.json lacks new: run `make licences`"),
        ("new>=1.0\n", "line 1 is neither a package nor a hash of one: 'new>=1.0'"),
    ],
)
def test_bill_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path, lock: str, says: str) -> None:
    (tmp_path / "deploy" / "locks").mkdir(parents=True)
    for name in ("sbom.py", "licences.json"):
        shutil.copy(ROOT / "deploy" / name, tmp_path / "deploy")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "deploy" / "locks" / "runtime.txt").write_text(lock, encoding="utf-8")
    done = run(tmp_path / "deploy" / "sbom.py", str(tmp_path / "sbom.cdx.json"))
    assert (done.returncode, done.stderr) == (2, f"sbom: {says}\n")
    assert not (tmp_path / "sbom.cdx.json").exists()


def test_image_holds_the_bill_of_what_is_installed_in_it() -> None:
    dockerfile = (ROOT / "deploy" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    last = dockerfile.index("uninstall --yes --quiet setuptools")
    assert dockerfile.index("sbom.py --installed /usr/share/scalpbot/sbom.cdx.json") > last
    assert "COPY --from=build /usr/share/scalpbot /usr/share/scalpbot" in dockerfile
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {"!deploy/sbom.py", "!deploy/licences.json", "!deploy/locks/runtime.txt"} <= set(let_in)


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "deploy" / "locks").glob("*.txt")))
def test_lock_files_hold_packages_with_hashes_and_nothing_else(sbom: ModuleType, name: str) -> None:
    packages = sbom.read_lock((ROOT / "deploy" / "locks" / name).read_text(encoding="utf-8"))
    assert packages
    assert all(package.hashes for package in packages)


def test_nothing_that_examines_the_platform_is_among_its_packages() -> None:
    examiners = {"pip-audit", "cyclonedx-python-lib", "license-expression"}
    assert examiners.isdisjoint(LICENCES)
