"""New files that are there as a whole or not at all, whenever whoever writes them is killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.anchors.file import sync_folder
from shared.contracts.errors import InputError, unwritable
from shared.store.engine import PRIVATE_MODE


def require_new(path: Path) -> None:
    """Raise InputError where there is something of a name already, or no folder for it."""
    if os.path.lexists(path):
        raise InputError(f"{path} exists already, and nothing is overwritten; name another file, or move it away")
    if not path.parent.is_dir():
        raise InputError(f"there is no folder {path.parent} for {path.name}; make it, or name another one")


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside a path, for its owner alone, that is gone when the block ends.

    What a killed process left of that name is used again. Raises InputError while another process writes to it, or
    where there can be no file, and InfrastructureError where the disk is full.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_MODE)
    except OSError as fault:
        raise _not_written(fault, path) from fault
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"another process is writing {path}; wait for it, or name another file") from None
        try:
            os.ftruncate(descriptor, 0)
            yield beside
        finally:
            for left in (beside, *(Path(f"{beside}{ending}") for ending in ("-wal", "-shm", "-journal"))):
                left.unlink(missing_ok=True)
    except OSError as fault:
        raise _not_written(fault, path) from fault
    finally:
        os.close(descriptor)


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a file that is whole its name, which nothing else may have; raises InputError, OSError."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise InputError(f"{path} came to be meanwhile, and nothing is overwritten; name another file") from None
    except OSError:
        # A file system without links.
        require_new(path)
        temporary.rename(path)
    sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Write a new file; raises as `temporary_file` and `put_in_place` do."""
    with temporary_file(path) as temporary:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)


def _not_written(fault: OSError, path: Path) -> Exception:
    sentence = f"{path} cannot be written ({fault.strerror}): name a file in a folder that you may write to"
    return unwritable(fault, path, sentence)
