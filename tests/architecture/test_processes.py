"""What is loaded in the container of a service: its own folder, and of the shared code what it needs."""

import subprocess
import sys
from typing import Final

import pytest

from tests.repository import ROOT

# The module that a container runs, and the rooms of `shared` in which it has no business.
PROCESSES: Final = {
    "services.ingest.process": ("anchors", "oanda", "settings"),
    "services.ingest.live.process": ("anchors",),
    "services.strategy.process": ("anchors", "oanda"),
    "services.executor.process": (),
    "services.api.process": ("oanda",),
}


def loaded_by(module: str) -> list[str]:
    """Return the modules of ours that a new interpreter loads for a module."""
    # A job of the command line loads when it is used.
    used = f"import importlib, sys; importlib.import_module({module!r}).__dict__"
    code = f"{used}; print(*(name for name in sys.modules if name.startswith(('services.', 'shared.'))))"
    finished = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return finished.stdout.split()


@pytest.mark.parametrize(("module", "foreign"), PROCESSES.items(), ids=PROCESSES)
def test_a_process_loads_no_other_service_and_no_room_that_it_has_no_use_for(
    module: str, foreign: tuple[str, ...]
) -> None:
    rooms = {tuple(name.split(".")[:2]) for name in loaded_by(module)}
    assert {name for package, name in rooms if package == "services"} == {module.split(".")[1]}
    assert rooms.isdisjoint(("shared", name) for name in foreign)


def test_upkeep_loads_what_it_proves_with_and_no_more() -> None:
    loaded = loaded_by("services.cli.run.upkeep_job")
    rooms = {name.split(".")[1] for name in loaded if name.startswith("services.")}
    assert rooms == {"cli", "upkeep", "inspection", "executor", "strategy"}


@pytest.mark.parametrize("service", ["ingest", "strategy", "executor", "api"])
def test_the_verb_of_a_service_loads_no_other_service(service: str) -> None:
    loaded = loaded_by(f"services.cli.run.{service}_job")
    assert {name.split(".")[1] for name in loaded if name.startswith("services.")} == {"cli", service}
