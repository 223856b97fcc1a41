"""No byte of the lines of anchors can be changed, and what a crash leaves of them is told from what somebody wrote."""

from collections.abc import Callable
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.anchors.lines import Anchor, Signer, check_anchors, is_unfinished, not_ours
from shared.settings.keys import private_bytes, private_text, public_text
from tests.fixtures.anchored import KEY, PUBLIC

LINE = Signer(KEY).continued(None, "2024-03-06T03:35:00Z", 3, "0" * 64).line()


def a_file(anchors: int = 4) -> bytes:
    signer, last, lines = Signer(KEY), None, b""
    for number in range(anchors):
        last = signer.continued(
            last, f"2026-01-05T09:0{number}:00Z", 5 * number + 5, sha256(bytes([number])).hexdigest()
        )
        lines += last.line() + b"\n"
    return lines


FILE = a_file()


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_no_byte_of_an_anchor_can_be_changed(place: int, difference: int) -> None:
    changed = FILE[:place] + bytes([FILE[place] ^ difference]) + FILE[place + 1 :]
    assert_found(changed)


@given(st.integers(0, len(FILE) - 1))
def test_no_byte_of_an_anchor_can_be_left_out(place: int) -> None:
    assert_found(FILE[:place] + FILE[place + 1 :])


@given(st.integers(0, len(FILE)), st.integers(0, 255))
def test_no_byte_can_be_put_between(place: int, byte: int) -> None:
    assert_found(FILE[:place] + bytes([byte]) + FILE[place:])


def assert_found(changed: bytes) -> None:
    for key in (PUBLIC, None):
        found = check_anchors(changed, key)
        # What was done at the very end may look like the work of a crash, which is told as well.
        assert found.first_bad is not None or found.unfinished


def test_an_untouched_file_is_sound() -> None:
    found = check_anchors(FILE, PUBLIC)
    assert (found.first_bad, found.why, found.unfinished, len(found.anchors)) == (None, "", False, 4)


def test_a_signature_made_for_something_else_is_no_anchor() -> None:
    honest = Signer(KEY).continued(None, "2026-01-05T09:00:00Z", 5, "f" * 64)
    borrowed = Anchor(1, honest.time, 7, honest.hash, "", honest.key, honest.signature)
    assert check_anchors(borrowed.line() + b"\n", PUBLIC).first_bad == 1


def test_a_key_is_read_as_it_was_written() -> None:
    assert private_bytes(private_text(KEY), "the test") == KEY
    assert public_text(KEY) != private_text(KEY)


@pytest.mark.parametrize(
    ("rest", "is_left_by_a_crash"),
    [(LINE, True), (LINE + b"\0\0", True), (LINE[:40], True), (LINE + b"more", False), (b'{"serial":\xff', False)],
    ids=["whole", "whole and blocks never written", "begun", "something after it", "no text"],
)
def test_what_a_crash_leaves_is_told_from_what_somebody_wrote(rest: bytes, is_left_by_a_crash: bool) -> None:
    assert is_unfinished(rest) is is_left_by_a_crash


@pytest.mark.parametrize(
    ("alone", "sentence"),
    [
        ({"serial": 3}, "anchor 2 is missing"),
        ({"serial": 1}, "anchor 2 does not continue the one before it"),
        ({"previous": "0" * 128}, "anchor 2 does not continue the one before it"),
        ({"audit_id": 3}, "anchor 2 does not continue the one before it"),
    ],
    ids=["a serial left out", "a serial twice", "another one before", "no new record"],
)
def test_each_thing_that_continues_a_chain_is_asked_for_by_itself(alone: dict[str, int | str], sentence: str) -> None:
    signer, first = Signer(KEY), Signer(KEY).continued(None, "2024-03-06T03:35:00Z", 3, "0" * 64)
    second = msgspec.structs.replace(signer.continued(first, "2024-03-06T03:40:00Z", 5, "1" * 64), **alone)
    signed = msgspec.structs.replace(second, signature=signer._key.sign(second.signed()).hex())
    found = check_anchors(first.line() + b"\n" + signed.line() + b"\n", PUBLIC)
    assert (found.first_bad, found.why) == (2, sentence)


@pytest.mark.parametrize(
    "written", [str.upper, lambda signature: f"{signature[:64]} {signature[64:]}"], ids=["in capitals", "with a space"]
)
def test_a_signature_has_one_spelling(written: Callable[[str], str]) -> None:
    honest = Signer(KEY).continued(None, "2026-01-05T09:00:00Z", 5, "f" * 64)
    respelled = msgspec.structs.replace(honest, signature=written(honest.signature))
    assert check_anchors(honest.line() + b"\n", PUBLIC).first_bad is None
    assert check_anchors(respelled.line() + b"\n", PUBLIC).first_bad == 1


def test_an_anchor_of_a_record_before_the_empty_log_is_none() -> None:
    signer = Signer(KEY)
    before, empty = (signer.continued(None, "2026-01-05T09:00:00Z", record, "") for record in (-1, 0))
    assert check_anchors(empty.line() + b"\n", PUBLIC).first_bad is None
    assert check_anchors(before.line() + b"\n", PUBLIC).first_bad == 1


def test_an_anchor_that_names_no_key_is_one_that_nobody_signed() -> None:
    honest = Signer(KEY).continued(None, "2026-01-05T09:00:00Z", 5, "f" * 64)
    assert not_ours(honest, None) == ""
    assert "the signature of anchor 1 is wrong" in not_ours(msgspec.structs.replace(honest, key="none"), None)
