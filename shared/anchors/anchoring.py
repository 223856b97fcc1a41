"""Anchoring the audit log: every five minutes, and at the end of a run, its head is signed and kept outside of it.

An anchor that cannot be written never stops trading: it is logged and counted, and tried again at the next time.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_bytes
from typing import Final

from shared.anchors.file import AnchorError, AnchorFile, opened_anchors
from shared.anchors.fitting import unseen
from shared.anchors.lines import Anchor, Signer
from shared.anchors.metrics import AnchorMetrics
from shared.anchors.places import anchors_path, signing_key
from shared.contracts.times import format_time
from shared.runtime.process import Process
from shared.settings.environment import RuntimeSettings
from shared.store.port import Store
from shared.store.sql.audit import GENESIS_HASH

ANCHOR_SECONDS: Final = 300.0
_LOOK_SECONDS: Final = 0.5
_EMPTY_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 5.0


def _always() -> bool:
    return True


def _untold() -> None:
    """Let nobody know."""


class Anchoring:
    """Write the anchors of one database."""

    def __init__(
        self,
        process: Process,
        store: Store,
        path: Path,
        key: bytes,
        leads: Callable[[], bool] = _always,
        misfits: Callable[[], None] = _untold,
    ) -> None:
        """Begin; the first anchor is due as soon as the process leads.

        `misfits` is called where the log turns out not to be the one that the last anchor saw.
        """
        self._process = process
        self._store = store
        self._path = path
        self._signer = Signer(key)
        self._leads = leads
        self._misfits = misfits
        self._has_led = False
        self._next: float | None = None

    def keep(self) -> None:
        """Write an anchor where one is due and this process leads; to be called again and again."""
        now = self._process.monotonic()
        if not self._leads() or (self._next is not None and now < self._next):
            return
        self._has_led = True
        self._next = now + ANCHOR_SECONDS
        if self.anchor():
            # Until a record is covered, an end that was cut off cannot be told from none.
            self._next = now + _EMPTY_SECONDS

    def finish(self) -> None:
        """Write a last anchor, if this process ever led."""
        if self._has_led or self._leads():
            self.anchor()

    def anchor(self) -> bool:
        """Write an anchor of the log's head unless the last one is of it, and return whether the log was still empty.

        A failure is logged and counted.
        """
        process = self._process
        try:
            with opened_anchors(self._path, self._signer) as file:
                anchor = self._anchored(file)
        except Exception as fault:  # whatever it is, no anchor stops the process
            self._tell_failure(fault)
            return False
        process.metrics.of(AnchorMetrics).anchored_id.set(anchor.audit_id)
        process.metrics.of(AnchorMetrics).anchored_time.set(process.clock())
        return not anchor.audit_id

    def _tell_failure(self, fault: Exception) -> None:
        self._process.metrics.of(AnchorMetrics).failures.inc()
        self._process.log.error("audit not anchored", reason=str(fault), file=str(self._path))
        if isinstance(fault, AnchorError):
            try:
                self._misfits()
            except Exception as another:  # asked again with the next anchor
                self._process.log.error("database not compared with its anchors", reason=str(another))

    def _anchored(self, file: AnchorFile) -> Anchor:
        """Return the anchor of the log's head, a new one where needed."""
        log, is_unfinished = self._process.log, file.is_unfinished
        anchor, is_new = continued(self._store, file, int(self._process.clock()))
        if is_new and is_unfinished:
            log.warning("a crash left an anchor unfinished; it is written again", file=str(self._path))
        if is_new:
            log.info(
                "audit anchored", id=anchor.audit_id, hash=anchor.hash, anchor=anchor.serial, signature=anchor.signature
            )
        return anchor


def continued(store: Store, file: AnchorFile, now: int) -> tuple[Anchor, bool]:
    """Return the anchor of the log's head, and whether that was written now.

    The first one is written before there is a record: from then on, no log is without its anchor.
    Raises AnchorError where the log is not the one that the last anchor saw, and OSError.
    """
    last = file.last
    with store.reading() as reader:
        head = next(iter(reader.audit(1)), None)
        why = "" if last is None else unseen(reader, last)
    if why:
        raise AnchorError(
            f"{why}: look with `scalpbot audit verify`; only where the database was replaced on purpose, accept it "
            "with `scalpbot db accept-restore`"
        )
    if last is not None and (head is None or head.id == last.audit_id):
        return last, False
    seen, its_hash = (0, GENESIS_HASH) if head is None else (head.id, head.hash)
    return file.append(format_time(now), seen, its_hash), True


def begin_anchors(store: Store, path: Path, key: bytes, now: int) -> None:
    """Write an anchor of the log's head where it has none yet; raises AnchorError and OSError."""
    with opened_anchors(path, Signer(key)) as file:
        continued(store, file, now)


@contextmanager
def anchored(
    process: Process,
    store: Store,
    runtime: RuntimeSettings,
    store_url: str,
    leads: Callable[[], bool] = _always,
    random: Callable[[int], bytes] = token_bytes,
    misfits: Callable[[], None] = _untold,
) -> Iterator[None]:
    """Anchor the audit log while the block lasts and at its end, in the background, wherever `leads` says so.

    `misfits` is called, in the background too, where the log is found not to be the one that the last anchor saw.
    Raises InputError where a key is missing or cannot be used.
    """
    process.metrics.show(AnchorMetrics)
    found = _place_and_key(process, runtime, store_url, random)
    if found is None:
        yield
        return
    anchoring = Anchoring(process, store, *found, leads, misfits)
    ending = threading.Event()
    # A disk that does not answer holds up this thread alone.
    thread = threading.Thread(target=_keep, args=(anchoring, ending), name="anchors", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(_STOP_SECONDS)
        if thread.is_alive():
            process.log.error("audit not anchored", reason="the disk does not answer; the run ends without it")


def _keep(anchoring: Anchoring, ending: threading.Event) -> None:
    # At once, before the first record is written.
    anchoring.keep()
    while not ending.wait(_LOOK_SECONDS):
        anchoring.keep()
    anchoring.finish()


def _place_and_key(
    process: Process, runtime: RuntimeSettings, store_url: str, random: Callable[[int], bytes]
) -> tuple[Path, bytes] | None:
    path = anchors_path(runtime, store_url)
    if path is None:
        process.log.warning(
            "the audit log is not anchored: set AUDIT_ANCHOR_PATH, a file on another volume, and AUDIT_ANCHOR_KEY_FILE"
        )
        return None

    def made(key_path: Path) -> None:
        process.log.info("made a key to sign anchors with; keep a copy of it elsewhere", file=str(key_path))

    try:
        key = signing_key(runtime, store_url, random, made)
    except OSError as fault:
        process.metrics.of(AnchorMetrics).failures.inc()
        process.log.error("the audit log is not anchored", reason=f"its key cannot be read or kept: {fault}")
        return None
    return path, key
