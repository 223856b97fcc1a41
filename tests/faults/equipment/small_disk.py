"""A small file system that can be filled and freed, for tests of what happens when a disk is full."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.servers.errors import UnavailableError
from tests.servers.guardian import Guardian

_BALLAST: Final = "ballast"
_CHUNK_BYTES: Final = 4_096


class SmallDisk:
    """A file system in memory of its own; ends with its context, or with the test run."""

    def __init__(self, megabytes: int) -> None:
        """Mount it; raises UnavailableError where that is not allowed."""
        if os.geteuid() != 0 or shutil.which("mount") is None:
            raise UnavailableError("only root on Linux may mount the small disk that is to be filled")
        self._guardian = Guardian()
        self.folder: Final = self._guardian.make_folder("disk")
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0711", "scalpbot-test", str(self.folder)]
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self._guardian.close()
            raise UnavailableError(f"the small disk that is to be filled cannot be mounted: {mounted.stderr.strip()}")
        self._guardian.add_mount(self.folder)

    def __enter__(self) -> "SmallDisk":
        return self

    def __exit__(self, *_fault: object) -> None:
        self._guardian.close()

    def fill(self, leaving: int = 0) -> None:
        """Take all the space that is left, or all but so many bytes."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1_024 * _CHUNK_BYTES, _CHUNK_BYTES, 1):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError:
                    continue
            file.truncate(max(0, file.tell() - leaving))

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / _BALLAST
