"""`audit verify` finds whatever was done to the audit log or to its anchors, and names the first bad one."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from services.cli import main
from shared.anchors.lines import Signer, parse_line
from shared.settings.keys import private_text, public_text
from shared.store.rows.audit import AuditRow
from shared.store.sql_store import open_store
from tests.fixtures.anchored import KEY, OTHER_KEY, PUBLIC, anchor, inserted, rewritten, tamper, write
from tests.fixtures.new_store import new_sqlite

Change = Callable[[list[AuditRow]], Sequence[AuditRow]]
Verify = Callable[..., tuple[int, dict[str, Any]]]

# Anchors see records 4, 8 and 10 of 12.
ANCHORED = (4, 4, 2)
RECORDS = 12


def swapped(rows: list[AuditRow]) -> list[AuditRow]:
    rows[4], rows[5] = rows[5]._replace(id=5), rows[4]._replace(id=6)
    return rows


def edited(rows: list[AuditRow]) -> list[AuditRow]:
    rows[6] = rows[6]._replace(actor="nobody")
    return rows


CHANGES: dict[str, tuple[Change, int, str]] = {
    "edit": (edited, 7, "record 7 was changed after it was written"),
    "delete": (lambda rows: rows[:2] + rows[3:], 4, "record 3 is missing"),
    "insert": (lambda rows: inserted(rows, 6), 7, "record 7 does not continue the record before it"),
    "reorder": (swapped, 5, "record 5 does not continue the record before it"),
    "tail": (lambda rows: rows[:9], 10, "the log ends at record 9, but anchor 3 of 2023-11-14T22:13:20Z saw record 10"),
    "everything": (lambda rows: [], 1, "the log is empty, but anchor 1 of 2023-11-14T22:13:20Z saw record 4"),
    "rewrite": (
        lambda rows: rewritten(rows, 6),
        8,
        "record 8 is not the one that anchor 2 of 2023-11-14T22:13:20Z saw; the log was rewritten after record 4",
    ),
    "rewrite from the first": (lambda rows: rewritten(rows, 1), 4, "the log was rewritten from the first record on"),
    "rewrite the last one seen": (lambda rows: rewritten(rows, 10), 10, "the log was rewritten after record 8"),
}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        given: str = request.getfixturevalue("postgres_url")
        return given
    return filled_sqlite(tmp_path)


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere" / "audit.jsonl"


@pytest.fixture
def log(url: str, anchors: Path) -> str:
    fill(url, anchors)
    return url


@pytest.fixture
def quick_log(tmp_path: Path, anchors: Path) -> str:
    quick = filled_sqlite(tmp_path)
    fill(quick, anchors)
    return quick


@pytest.fixture
def verify(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verify:
    monkeypatch.chdir(tmp_path)

    def run(url: str, *options: object) -> tuple[int, dict[str, Any]]:
        code = main(["audit", "verify", "--db", url, *map(str, options), "--json"])
        captured = capsys.readouterr()
        return code, json.loads(captured.out) if captured.out else {"error": captured.err}

    return run


def filled_sqlite(folder: Path) -> str:
    return new_sqlite(folder / "paper.db")


def fill(url: str, anchors: Path, key: bytes = KEY) -> None:
    with closing(open_store(url)) as store:
        for count in ANCHORED:
            write(store, count)
            anchor(store, anchors, key)
        write(store, RECORDS - sum(ANCHORED))


def lines_of(anchors: Path) -> list[bytes]:
    return anchors.read_bytes().splitlines(keepends=True)


def test_an_untouched_log_holds_and_the_reach_of_its_anchors_is_told(log: str, anchors: Path, verify: Verify) -> None:
    code, found = verify(log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["ok"], found["rows"], found["first_bad_id"]) == (0, True, RECORDS, None)
    told = found["anchors"]
    assert (told["count"], told["last_id"], told["not_covered"], told["key_given"]) == (3, 10, 2, True)
    assert (told["last_time"], told["first_bad"], told["unfinished"]) == ("2023-11-14T22:13:20Z", None, False)


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_is_done_past_the_triggers_is_found(name: str, log: str, anchors: Path, verify: Verify) -> None:
    change, first_bad, why = CHANGES[name]
    tamper(log, change)
    code, found = verify(log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["ok"], found["first_bad_id"]) == (3, False, first_bad)
    assert why in found["why"]


def test_what_no_anchor_has_seen_yet_is_told_and_not_vouched_for(quick_log: str, anchors: Path, verify: Verify) -> None:
    tamper(quick_log, lambda rows: rewritten(rows, 11)[:11])
    code, found = verify(quick_log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["rows"], found["anchors"]["not_covered"]) == (0, 11, 1)


def test_people_read_what_is_wrong(
    quick_log: str, anchors: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key_file = tmp_path / "public"
    key_file.write_text(f"{PUBLIC}\n", encoding="utf-8")
    asked = ["audit", "verify", "--db", quick_log, "--anchors", str(anchors)]
    assert main([*asked, "--public-key", str(key_file)]) == 0
    assert "covers the records up to 10; records after it, not covered yet: 2." in capsys.readouterr().out
    assert main(asked) == 0
    assert "only against the key in the file itself" in capsys.readouterr().out
    tamper(quick_log, lambda rows: rows[:9])
    anchors.write_bytes(b"".join(lines_of(anchors)[1:]))
    assert main(asked) == 3
    output = capsys.readouterr().out
    assert "from anchor 1 on: anchor 1 is missing" in output
    assert "There is no valid anchor" in output


def forged(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"audit_id":8', b'"audit_id":9'), lines[2]]


def foreign(lines: list[bytes]) -> list[bytes]:
    second = parse_line(lines[1].rstrip())
    assert second is not None
    return [*lines[:2], Signer(OTHER_KEY).continued(second, second.time, 10, "f" * 64).line() + b"\n"]


@pytest.mark.parametrize(
    ("change", "first_bad", "why"),
    [
        (forged, 2, "the signature of anchor 2 is wrong"),
        (lambda lines: [lines[0], lines[2]], 2, "anchor 2 is missing"),
        (lambda lines: lines[1:], 1, "anchor 1 is missing"),
        (lambda lines: [lines[0], lines[2], lines[1]], 2, "anchor 2 is missing"),
        (lambda lines: [lines[0], lines[1], lines[1], lines[2]], 3, "anchor 3 does not continue the one before it"),
        (foreign, 3, "anchor 3 was signed with another key"),
        (lambda lines: [lines[0], b"a note\n", *lines[1:]], 2, "line 2 is not an anchor"),
        (lambda lines: [*lines, b"a note"], 4, "line 4 is not an anchor"),
    ],
    ids=["forged", "removed", "first removed", "swapped", "doubled", "foreign", "inserted", "appended"],
)
def test_whatever_is_done_to_an_anchor_is_found(
    change: Callable[[list[bytes]], list[bytes]],
    first_bad: int,
    why: str,
    quick_log: str,
    anchors: Path,
    verify: Verify,
) -> None:
    anchors.write_bytes(b"".join(change(lines_of(anchors))))
    code, found = verify(quick_log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["ok"], found["first_bad_id"], found["anchors"]["first_bad"]) == (3, False, None, first_bad)
    assert why in found["anchors"]["why"]


def test_anchors_that_somebody_signed_anew_fit_no_key_but_their_own(
    quick_log: str, anchors: Path, verify: Verify
) -> None:
    tamper(quick_log, lambda rows: rewritten(rows, 1))
    anchors.unlink()
    with closing(open_store(quick_log)) as store:
        anchor(store, anchors, OTHER_KEY)
    code, found = verify(quick_log, "--anchors", anchors)
    assert (code, found["anchors"]["key_given"]) == (0, False)
    code, found = verify(quick_log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["anchors"]["first_bad"]) == (3, 1)
    assert "was signed with another key" in found["anchors"]["why"]


def test_an_unfinished_last_line_is_told_and_no_tampering(quick_log: str, anchors: Path, verify: Verify) -> None:
    anchors.write_bytes(anchors.read_bytes()[:-40])
    code, found = verify(quick_log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["anchors"]["unfinished"], found["anchors"]["last_id"]) == (0, True, 8)
    with closing(open_store(quick_log)) as store:
        anchor(store, anchors)
    code, found = verify(quick_log, "--anchors", anchors, "--public-key", PUBLIC)
    assert (code, found["anchors"]["unfinished"], found["anchors"]["last_id"]) == (0, False, 12)


def test_a_missing_file_is_no_proof_whether_or_not_it_was_asked_for(
    quick_log: str, anchors: Path, verify: Verify
) -> None:
    anchors.unlink()
    code, found = verify(quick_log, "--anchors", anchors)
    assert (code, found["ok"], found["anchors"]["found"]) == (3, False, False)
    code, found = verify(quick_log)
    assert (code, found["ok"], found["anchors"]["found"]) == (3, False, False)


def test_the_key_comes_from_the_environment_or_from_beside_the_database(
    quick_log: str, anchors: Path, verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verify(quick_log, "--anchors", anchors)[1]["anchors"]["key_given"] is False
    (tmp_path / "paper.anchor-key").write_text(private_text(OTHER_KEY), encoding="utf-8")
    assert verify(quick_log, "--anchors", anchors)[0] == 3
    monkeypatch.setenv("AUDIT_ANCHOR_PATH", str(anchors))
    monkeypatch.setenv("AUDIT_ANCHOR_KEY", private_text(KEY))
    assert verify(quick_log)[1]["anchors"]["key_given"] is True
    monkeypatch.setenv("AUDIT_ANCHOR_PUBLIC_KEY", Signer(OTHER_KEY).public)
    assert verify(quick_log)[0] == 3


@pytest.mark.parametrize(
    ("key", "part"),
    [
        (private_text(KEY), "holds the private half of an anchor key, which must stay secret"),
        (public_text(KEY)[:-1], "does not hold a public anchor key"),
        ("nowhere", "cannot be read"),
    ],
)
def test_a_key_that_is_none_is_refused(key: str, part: str, quick_log: str, verify: Verify) -> None:
    code, found = verify(quick_log, "--public-key", key)
    assert code == 2
    assert part in found["error"]
    assert private_text(KEY) not in found["error"]


def test_the_key_verb_makes_a_key_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "secrets" / "anchor-key"
    told = []
    for made in (True, False):
        assert main(["audit", "keys", str(path), "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
        assert told[-1]["made"] is made
    assert path.stat().st_mode & 0o777 == 0o600
    assert told[0]["public_key"] == told[1]["public_key"]
    assert path.read_text(encoding="utf-8").strip() not in json.dumps(told)
