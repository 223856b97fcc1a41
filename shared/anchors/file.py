"""The file of audit anchors: lines are only ever added, one at a time, and are on the disk when that is done."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from shared.anchors.lines import Anchor, Signer, is_unfinished, parse_line
from shared.store.engine import PRIVATE_MODE

# An anchor has about 500 bytes; the last one is found within so many.
_LAST_BYTES: Final = 4_096


class AnchorError(Exception):
    """What the file holds or what the database says stands against an anchor: tell it, and add none."""


class AnchorFile:
    """The end of an anchor file, held open for adding one anchor."""

    def __init__(self, path: Path, descriptor: int, signer: Signer) -> None:
        """Read the last anchor; raises AnchorError where the last line is none of ours, OSError."""
        self._path = path
        self._descriptor = descriptor
        self._signer = signer
        self.last, self._unfinished = _end_of(path, descriptor)
        self._end = os.fstat(descriptor).st_size - self._unfinished
        if self.last is not None and self.last.key != signer.public:
            raise AnchorError(f"{path} was signed with another key: give that key, or move the file away to keep it")

    @property
    def is_unfinished(self) -> bool:
        """Tell whether a crash left the beginning of a line behind."""
        return self._unfinished > 0

    def append(self, time: str, audit_id: int, audit_hash: str) -> Anchor:
        """Add an anchor in place of an unfinished one; raises OSError, leaving whole lines alone."""
        anchor = self._signer.continued(self.last, time, audit_id, audit_hash)
        line = anchor.line() + b"\n"
        if self._unfinished:
            os.ftruncate(self._descriptor, self._end)
        written = os.write(self._descriptor, line)
        if written < len(line):
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise OSError(f"only {written} of {len(line)} bytes could be written to {self._path}")
        os.fsync(self._descriptor)
        return anchor


def ended_anchors(path: Path) -> Anchor | None:
    """Return the last anchor of a file, None of an empty one; raises AnchorError where it ends otherwise, OSError."""
    with path.open("rb") as file:
        return _end_of(path, file.fileno())[0]


def _end_of(path: Path, descriptor: int) -> tuple[Anchor | None, int]:
    """Return the last anchor of a file, and how many bytes of an unfinished one follow it."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - _LAST_BYTES)
    body, _, rest = os.pread(descriptor, size - start, start).rpartition(b"\n")
    if rest and not is_unfinished(rest):
        raise AnchorError(f"{path} ends with something that is not an anchor")
    if size == len(rest):
        return None, len(rest)
    last = parse_line(body.rpartition(b"\n")[2])
    if last is None:
        raise AnchorError(f"the last line of {path} is not an anchor")
    return last, len(rest)


@contextmanager
def opened_anchors(path: Path, signer: Signer) -> Iterator[AnchorFile]:
    """Open a file for adding an anchor, making it first where there is none; other processes wait meanwhile.

    Raises AnchorError and OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, PRIVATE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if is_new:
            sync_folder(path.parent)
        yield AnchorFile(path, descriptor, signer)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names of new files in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
