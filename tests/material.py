"""Where the reference material lies that is not part of the repository."""

from pathlib import Path

import pytest

from tests.repository import ROOT

_MATERIAL = ROOT.parent / "shared"


def shared_material(*parts: str) -> Path:
    """Return a file of the reference material beside the checkout, or skip the test and say so."""
    path = _MATERIAL.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"left out: reference material {'/'.join(parts)} is not beside the checkout")
    return path
