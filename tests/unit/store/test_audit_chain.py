"""The chain shows every edit, deletion, insertion and exchange, and says where the first one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.store.rows.audit import AuditEntry, AuditRow
from shared.store.sql.audit import GENESIS_HASH, canonical_json, hash_of, record, verify_audit


def a_chain(length: int = 5) -> list[AuditRow]:
    rows: list[AuditRow] = []
    last_id, head = 0, GENESIS_HASH
    for number in range(length):
        entry = AuditEntry(1_399_507_200 + number, "executor", "trade.opened", None, {"pair": "EUR_USD", "n": number})
        rows.append(record(last_id, head, entry))
        last_id, head = rows[-1].id, rows[-1].hash
    return rows


def test_an_untouched_chain_is_sound() -> None:
    rows = a_chain()
    assert verify_audit(rows) == (True, 5, rows[-1].hash, None, "")


def test_an_empty_chain_is_sound() -> None:
    assert verify_audit([]) == (True, 0, GENESIS_HASH, None, "")


@pytest.mark.parametrize(
    "change",
    [
        {"ts_utc": "2014-05-08T00:00:09Z"},
        {"actor": "ann"},
        {"action": "trade.closed"},
        {"command_id": 1},
        {"detail_json": '{"n": 2,"pair":"EUR_USD"}'},
        {"detail_json": b"\xff"},
        {"hash": "0" * 64},
    ],
    ids=["time", "actor", "action", "command", "a space in the details", "bytes", "hash"],
)
def test_an_edited_record_is_found(change: dict[str, object]) -> None:
    rows = a_chain()
    rows[2] = rows[2]._replace(**change)  # type: ignore[arg-type]
    found = verify_audit(rows)
    assert (found.ok, found.rows, found.first_bad_id) == (False, 2, 3)
    assert found.why == "record 3 was changed after it was written"


def test_an_edited_record_with_a_new_hash_no_longer_fits_the_next() -> None:
    rows = a_chain()
    edited = rows[2]._replace(actor="ann")
    rows[2] = edited._replace(hash=hash_of(edited))
    found = verify_audit(rows)
    assert (found.first_bad_id, found.why) == (4, "record 4 does not continue the record before it")


def test_a_deleted_record_is_missed() -> None:
    rows = a_chain()
    del rows[2]
    assert verify_audit(rows)[:1] + verify_audit(rows)[3:] == (False, 4, "record 3 is missing")


def test_a_deleted_beginning_is_missed() -> None:
    assert verify_audit(a_chain()[1:]).why == "record 1 is missing"


def test_an_inserted_record_is_found() -> None:
    rows = a_chain()
    entry = AuditEntry(1_399_507_200, "ann", "KILL_SWITCH_OFF", None, {})
    rows.insert(2, record(rows[1].id, rows[1].hash, entry))
    assert verify_audit(rows).first_bad_id == 3


def test_two_exchanged_records_are_found() -> None:
    rows = a_chain()
    rows[1], rows[2] = rows[2]._replace(id=2), rows[1]._replace(id=3)
    assert verify_audit(rows).first_bad_id == 2


@given(st.integers(0, 19), st.sampled_from(AuditRow._fields), st.text(max_size=5))
def test_any_change_anywhere_is_found(index: int, field: str, value: str) -> None:
    rows = a_chain(20)
    if getattr(rows[index], field) != value:
        rows[index] = rows[index]._replace(**{field: value})  # type: ignore[arg-type]
        assert not verify_audit(rows).ok


def test_equal_details_have_one_text() -> None:
    assert canonical_json({"b": 1, "a": "ü"}) == canonical_json({"a": "ü", "b": 1}) == '{"a":"ü","b":1}'


def test_details_without_a_value_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"equity": float("nan")})
