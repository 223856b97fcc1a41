"""The chain of the audit log: what is hashed, what breaks it, and what a witness adds."""

from hashlib import sha256
from typing import Final

import pytest

from shared.store.rows.audit import AuditEntry, AuditRow
from shared.store.sql.audit import AuditCheck, Witness, canonical_json, hash_of, record, verify_audit

GENESIS: Final = "0" * 64
MONDAY: Final = 1_398_643_200


def chain(count: int) -> list[AuditRow]:
    rows: list[AuditRow] = []
    for number in range(count):
        entry = AuditEntry(
            time=MONDAY + number, actor="ann", action="user.added", command_id=None, detail={"n": number}
        )
        rows.append(record(rows[-1].id if rows else 0, rows[-1].hash if rows else GENESIS, entry))
    return rows


def witness_of(row: AuditRow) -> Witness:
    return Witness(row.id, row.hash, f"anchor {row.id}")


def broken(check: AuditCheck) -> tuple[bool, int, int | None, str]:
    return check.ok, check.rows, check.first_bad_id, check.why


def test_a_value_has_one_text() -> None:
    assert canonical_json({"b": [1, "Zürich"], "a": None}) == '{"a":null,"b":[1,"Zürich"]}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"a": float("nan")})


def test_a_hash_is_that_of_the_documented_text() -> None:
    (row,) = chain(1)
    text = (
        f'{GENESIS}\n{{"action":"user.added","actor":"ann","command_id":null,"detail_json":"{{\\"n\\":0}}",'
        '"id":1,"ts_utc":"2014-04-28T00:00:00Z"}'
    )
    assert (row.prev_hash, row.hash) == (GENESIS, sha256(text.encode()).hexdigest())
    assert hash_of(row) == row.hash


def test_a_sound_chain_is_counted_and_its_head_told() -> None:
    rows = chain(3)
    assert verify_audit(rows) == AuditCheck(ok=True, rows=3, head=rows[-1].hash, first_bad_id=None, why="")
    assert verify_audit([]) == AuditCheck(ok=True, rows=0, head=GENESIS, first_bad_id=None, why="")
    assert verify_audit(rows, [witness_of(rows[0]), witness_of(rows[2])]).ok


def test_the_first_bad_record_is_named() -> None:
    rows = chain(4)
    assert broken(verify_audit([rows[0], *rows[2:]])) == (False, 1, 3, "record 2 is missing")
    assert broken(verify_audit(rows[1:])) == (False, 0, 2, "record 1 is missing")
    edited = [rows[0], rows[1]._replace(actor="bob"), *rows[2:]]
    assert broken(verify_audit(edited)) == (False, 1, 2, "record 2 was changed after it was written")
    foreign = [rows[0], rows[1]._replace(prev_hash=GENESIS), *rows[2:]]
    assert broken(verify_audit(foreign)) == (False, 1, 2, "record 2 does not continue the record before it")


def test_a_witness_tells_an_end_that_was_cut_off() -> None:
    rows = chain(4)
    told = "the log ends at record 2, but anchor 4 saw record 4"
    assert broken(verify_audit(rows[:2], [witness_of(rows[0]), witness_of(rows[3])])) == (False, 2, 3, told)
    assert broken(verify_audit([], [witness_of(rows[0])])) == (
        False,
        0,
        1,
        "the log is empty, but anchor 1 saw record 1",
    )


def test_witnesses_tell_since_when_a_log_was_written_anew() -> None:
    rows = chain(4)
    others = [witness_of(rows[0]), witness_of(rows[1]), witness_of(rows[3])._replace(hash=GENESIS)]
    told = "record 4 is not the one that anchor 4 saw; the log was rewritten after record 2"
    assert broken(verify_audit(rows, others)) == (False, 3, 4, told)
    told = "record 2 is not the one that anchor 2 saw; the log was rewritten from the first record on"
    assert broken(verify_audit(rows, [witness_of(rows[1])._replace(hash=GENESIS)])) == (False, 1, 2, told)
