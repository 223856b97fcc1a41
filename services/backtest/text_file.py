"""Result files that are either written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from shared.contracts.errors import InputError, unwritable


def refuse_unwritable(path: Path) -> None:
    """Raise InputError, before any work is done, if a file can clearly not be written."""
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{path} cannot be written because it is a folder; name a file")
    if not folder.is_dir():
        raise InputError(f"{path} cannot be written because the folder {folder} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise InputError(f"{path} cannot be written: no permission to write in {folder}; name another folder")


def write_text_file(path: Path, lines: Iterable[str]) -> None:
    """Write lines, each with its newline, to a new file that then takes the place of an older one.

    Raises InputError if the file cannot be written; the older one is then untouched.
    """
    refuse_unwritable(path)
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device has nothing to take the place of.
            with path.open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(lines)
            return
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as beside:
            temporary = Path(beside.name)
            try:
                beside.writelines(lines)
                beside.flush()
                os.fsync(beside.fileno())
                temporary.chmod(0o666 & ~_umask())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        sentence = f"{path} cannot be written: {error.strerror or error}; name another file"
        raise unwritable(error, path, sentence) from error


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
