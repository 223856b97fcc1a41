"""Where the anchors of a database are, and the keys they are signed and checked with."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from shared.anchors.file import sync_folder
from shared.anchors.lines import AnchorsFound, Signer, check_anchors
from shared.contracts.errors import InputError
from shared.contracts.times import parse_time
from shared.settings.environment import RuntimeSettings
from shared.settings.keys import KEY_BYTES, private_bytes, private_text
from shared.store.engine import PRIVATE_MODE, beside

# Three times as long as until the next anchor.
NEW_LOG_SECONDS: Final = 900


class KnownAnchors(NamedTuple):
    """An anchor file and the public key that must have signed it, as far as they are known."""

    path: Path | None
    key: str | None


NO_ANCHORS: Final = KnownAnchors(None, None)


def anchors_path(runtime: RuntimeSettings, store_url: str) -> Path | None:
    """Return the anchor file of a database: the one that is set, or the one beside an SQLite file; None without."""
    return runtime.audit_anchor_path or beside(store_url, ".anchors.jsonl")


def known_anchors(runtime: RuntimeSettings, store_url: str) -> KnownAnchors:
    """Return the anchor file of a database, and the public key as it is set, or as a private key at hand implies it."""
    key = runtime.audit_anchor_public_key
    if key is None and runtime.audit_anchor_key is not None:
        key = Signer(private_bytes(runtime.audit_anchor_key.get_secret_value(), "AUDIT_ANCHOR_KEY")).public
    kept = beside(store_url, ".anchor-key")
    if key is None and kept is not None:
        # Whoever may not read the key can still check the anchors, only not whose they are.
        with suppress(OSError):
            key = Signer(read_key(kept)).public
    return KnownAnchors(anchors_path(runtime, store_url), key)


def read_anchors(known: KnownAnchors) -> AnchorsFound | None:
    """Read and check a file of anchors; None where there is none. Raises InputError where it cannot be read."""
    if known.path is None:
        return None
    try:
        return check_anchors(known.path.read_bytes(), known.key)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise InputError(
            f"The anchors {known.path} cannot be read ({fault.strerror}): name a file that you may read."
        ) from fault


def lacking(known: KnownAnchors, found: AnchorsFound | None, began: str | None, now: float) -> str:
    """Return why a log that began at a time (None: it is empty) lacks the anchor that it should have; or nothing.

    Whoever cuts off the end of a log may take its anchors away as well. A new log gets its first within minutes.
    """
    if known.path is None or began is None or (found is not None and found.anchors):
        return ""
    with suppress(ValueError):
        if now - parse_time(began) < NEW_LOG_SECONDS:
            return ""
    what = f"{known.path} is missing" if found is None else f"there is no sound anchor in {known.path}"
    return f"{what}, so whether the end of the log was cut off cannot be checked"


def signing_key(
    runtime: RuntimeSettings, store_url: str, random: Callable[[int], bytes], made: Callable[[Path], None]
) -> bytes:
    """Return the private key: the one that is set, or the one beside an SQLite file, which is made where there is none.

    `made` is told the path of a new key. Raises InputError where no key can be used, OSError where none can be kept.
    """
    if runtime.audit_anchor_key is not None:
        return private_bytes(runtime.audit_anchor_key.get_secret_value(), "AUDIT_ANCHOR_KEY")
    path = beside(store_url, ".anchor-key")
    if path is None:
        raise InputError(
            "AUDIT_ANCHOR_PATH is set, but there is no key to sign anchors with: set AUDIT_ANCHOR_KEY_FILE to a file "
            "that `scalpbot audit keys FILE` has made"
        )
    if make_key(path, random):
        made(path)
    return read_key(path)


def make_key(path: Path, random: Callable[[int], bytes]) -> bool:
    """Make a private key in a file that nobody else may read; return False where there is a file. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_MODE)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{private_text(random(KEY_BYTES))}\n")
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return True


def read_key(path: Path) -> bytes:
    """Return the private key in a file; raises InputError where there is none, OSError where it cannot be read."""
    return private_bytes(path.read_text("utf-8", "replace").strip(), str(path))
