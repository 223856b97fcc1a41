"""An audit anchor: a signed line saying which record the audit log ended with, kept outside the database.

A line is JSON with the fields of `Anchor` in their order; its signature covers the other fields, among them the
signature of the line before, so that no line can be altered, moved, or taken from between others.
"""

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

import msgspec

from shared.contracts.errors import InputError
from shared.settings.keys import public_bytes, public_text
from shared.store.sql.audit import Witness

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_SUBJECT: Final = b"scalpbot audit anchor\n"
_BEGINNING: Final = b'{"serial":'
_SIGNATURE_DIGITS: Final = 128


class Anchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An anchor: its number from 1, when it was written, the id and hash of the last audit record then, the signature
    of the anchor before, the public key, and its own signature."""

    serial: int
    time: str
    audit_id: int
    hash: str
    previous: str
    key: str
    signature: str

    def line(self) -> bytes:
        """Return the anchor as it is stored, without the end of the line."""
        return msgspec.json.encode(self)

    def signed(self) -> bytes:
        """Return what the signature covers."""
        return _SUBJECT + msgspec.structs.replace(self, signature="").line()


class Signer:
    """Sign anchors with a private key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        """Hold the key."""
        # Every service loads this module, and only few sign or check anything.
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self.public = public_text(self._key.public_key().public_bytes_raw())

    def continued(self, last: Anchor | None, time: str, audit_id: int, audit_hash: str) -> Anchor:
        """Return the anchor that follows another one, or the first."""
        serial, previous = (1, "") if last is None else (last.serial + 1, last.signature)
        anchor = Anchor(
            serial=serial,
            time=time,
            audit_id=audit_id,
            hash=audit_hash,
            previous=previous,
            key=self.public,
            signature="",
        )
        return msgspec.structs.replace(anchor, signature=self._key.sign(anchor.signed()).hex())


class AnchorSummary(TypedDict):
    """How many anchors are sound, how far the last one reaches, and what is wrong with those after it."""

    count: int
    last_id: int | None
    last_time: str | None
    not_covered: int
    first_bad: int | None
    why: str
    unfinished: bool
    key_given: bool


class AnchorsFound(NamedTuple):
    """The sound anchors of a file up to its first bad line, why that is bad, and whether its last line is unfinished.

    `key_given` tells whether a key was demanded; otherwise the first anchor's own was held against all.
    """

    anchors: list[Anchor]
    first_bad: int | None
    why: str
    unfinished: bool
    key_given: bool

    def witnesses(self) -> list[Witness]:
        """Return the sound anchors as witnesses of the audit log; one of the empty log has seen nothing."""
        return [
            Witness(each.audit_id, each.hash, f"anchor {each.serial} of {each.time}")
            for each in self.anchors
            if each.audit_id
        ]

    def summary(self, rows: int) -> AnchorSummary:
        """Return what the anchors say of a log with so many records."""
        last = self.anchors[-1] if self.anchors else None
        return AnchorSummary(
            count=len(self.anchors),
            last_id=None if last is None else last.audit_id,
            last_time=None if last is None else last.time,
            not_covered=rows if last is None else max(0, rows - last.audit_id),
            first_bad=self.first_bad,
            why=self.why,
            unfinished=self.unfinished,
            key_given=self.key_given,
        )


def parse_line(line: bytes) -> Anchor | None:
    """Return the anchor of a line without its end; None unless it is, byte for byte, what `line` writes."""
    try:
        anchor = msgspec.json.decode(line, type=Anchor)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return anchor if anchor.line() == line else None


def is_unfinished(rest: bytes) -> bool:
    """Tell whether what stands after the last end of a line is what a crash leaves of a line that was being written."""
    written = rest.rstrip(b"\0")
    if not written.startswith(_BEGINNING):
        return _BEGINNING.startswith(written)
    try:
        _, end = json.JSONDecoder().raw_decode(written.decode("ascii"))
    except json.JSONDecodeError:
        return True
    except UnicodeDecodeError:
        return False
    return end == len(written)


def check_anchors(content: bytes, key: str | None) -> AnchorsFound:
    """Check the lines of an anchor file one after the other; `key` is the public key that must have signed them."""
    lines = content.split(b"\n")
    rest = lines.pop()
    anchors: list[Anchor] = []
    demanded = key
    public: Ed25519PublicKey | None = None
    why = ""
    for serial, line in enumerate(lines, start=1):
        anchor = parse_line(line)
        if anchor is None:
            why = f"line {serial} is not an anchor"
            break
        if public is None:
            demanded = demanded or anchor.key
            public = _public(demanded)
        if why := _flaw(anchor, anchors[-1] if anchors else None, demanded, public):
            break
        anchors.append(anchor)
    if not why and rest and not is_unfinished(rest):
        why = f"line {len(anchors) + 1} is not an anchor"
    return AnchorsFound(
        anchors=anchors,
        first_bad=len(anchors) + 1 if why else None,
        why=why,
        unfinished=bool(rest) and not why,
        key_given=key is not None,
    )


def not_ours(anchor: Anchor, key: str | None) -> str:
    """Return why an anchor is none that a key has signed, or, without a key, the one that it names; else nothing."""
    if key is not None and anchor.key != key:
        return f"anchor {anchor.serial} was signed with another key, {anchor.key}"
    public = _public(anchor.key)
    if public is None or not _is_signed(anchor, public):
        return _forged(anchor)
    return ""


def _flaw(anchor: Anchor, last: Anchor | None, key: str | None, public: "Ed25519PublicKey | None") -> str:
    serial, previous, reached = (1, "", -1) if last is None else (last.serial + 1, last.signature, last.audit_id)
    if anchor.serial > serial:
        return f"anchor {serial} is missing"
    if anchor.serial != serial or anchor.previous != previous or anchor.audit_id <= reached:
        return f"anchor {serial} does not continue the one before it"
    if anchor.key != key:
        return f"anchor {serial} was signed with another key, {anchor.key}"
    if public is None or not _is_signed(anchor, public):
        return _forged(anchor)
    return ""


def _forged(anchor: Anchor) -> str:
    return f"the signature of anchor {anchor.serial} is wrong: it was forged, or changed after it was written"


def _is_signed(anchor: Anchor, public: "Ed25519PublicKey") -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    if len(anchor.signature) != _SIGNATURE_DIGITS or anchor.signature != anchor.signature.lower():
        return False
    try:
        public.verify(bytes.fromhex(anchor.signature), anchor.signed())
    except (InvalidSignature, ValueError):
        return False
    return True


def _public(text: str) -> "Ed25519PublicKey | None":
    """Return a key that was written into a file; None where it is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        return Ed25519PublicKey.from_public_bytes(public_bytes(text, "the anchor"))
    except (InputError, ValueError):
        return None
