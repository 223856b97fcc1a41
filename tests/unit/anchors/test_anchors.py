"""Anchors are written every five minutes and at the end, whole or not at all, with a key that is kept safe."""

import json
import math
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from shared.anchors.anchoring import ANCHOR_SECONDS, Anchoring, anchored
from shared.anchors.examined import examined
from shared.anchors.file import opened_anchors
from shared.anchors.fitting import misfit
from shared.anchors.lines import Signer, check_anchors
from shared.anchors.places import KnownAnchors, known_anchors, make_key, read_anchors, read_key
from shared.contracts.errors import InputError
from shared.settings.environment import RuntimeSettings
from shared.settings.keys import private_text
from shared.settings.settings import load_settings
from shared.store.engine import sqlite_url
from shared.store.port import Store
from shared.store.sql.audit import verify_audit
from shared.store.sql_store import open_store
from tests.fixtures.anchored import KEY, OTHER_KEY, PUBLIC, Watch, anchor, around_with, write
from tests.fixtures.new_store import new_sqlite

SERVER = "postgresql://localhost/scalpbot"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return new_sqlite(tmp_path / "paper.db")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with closing(open_store(url)) as opened:
        yield opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "volume" / "anchors.jsonl"


def ids(path: Path) -> list[int]:
    found = check_anchors(path.read_bytes(), PUBLIC)
    assert (found.first_bad, found.unfinished) == (None, False)
    return [each.audit_id for each in found.anchors]


def test_the_head_is_anchored_every_five_minutes_where_it_is_new(store: Store, path: Path) -> None:
    watch, log = Watch(), StringIO()
    process = around_with(watch, log)
    anchoring = Anchoring(process, store, path, KEY)
    write(store, 3)
    anchoring.keep()
    assert ids(path) == [3]
    write(store, 2)
    watch.seconds = ANCHOR_SECONDS - 1
    anchoring.keep()
    assert ids(path) == [3]
    watch.seconds = ANCHOR_SECONDS
    anchoring.keep()
    assert ids(path) == [3, 5]
    watch.seconds = 2 * ANCHOR_SECONDS
    anchoring.keep()
    anchoring.finish()
    assert ids(path) == [3, 5]
    write(store, 1)
    anchoring.finish()
    assert ids(path) == [3, 5, 6]
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["id"]) for line in told] == [("audit anchored", each) for each in (3, 5, 6)]
    registry = process.metrics.registry
    assert registry.get_sample_value("scalpbot_audit_anchored_id") == 6
    assert registry.get_sample_value("scalpbot_audit_anchor_timestamp_seconds") == watch.clock()
    assert registry.get_sample_value("scalpbot_audit_anchor_failures_total") == 0


def test_a_log_has_its_anchor_before_its_first_record(store: Store, path: Path) -> None:
    known = KnownAnchors(path, None)
    anchoring = Anchoring(around_with(watch := Watch(), StringIO()), store, path, KEY)
    anchoring.keep()
    assert ids(path) == [0]
    write(store, 2)
    with store.reading() as reader:
        # As old as the market of a replay, and not a second after it began.
        found = examined(reader, known, read_anchors(known), math.inf)
        assert (found.check.ok, found.lacks, misfit(reader, known)) == (True, "", "")
    watch.seconds += 4
    anchoring.keep()
    assert ids(path) == [0]
    watch.seconds += 1
    anchoring.keep()
    assert ids(path) == [0, 2]


def test_only_the_process_that_leads_anchors_and_once_more_after_it_stepped_back(store: Store, path: Path) -> None:
    leads = [False]
    anchoring = Anchoring(around_with(Watch(), StringIO()), store, path, KEY, lambda: leads[0])
    write(store, 1)
    anchoring.keep()
    anchoring.finish()
    assert not path.exists()
    leads[0] = True
    anchoring.keep()
    leads[0] = False
    write(store, 1)
    anchoring.keep()
    assert ids(path) == [1]
    anchoring.finish()
    assert ids(path) == [1, 2]


def test_what_cannot_be_written_is_told_and_tried_again(store: Store, path: Path) -> None:
    watch, log = Watch(), StringIO()
    process = around_with(watch, log)
    anchoring = Anchoring(process, store, path, KEY)
    write(store, 1)
    path.mkdir(parents=True)
    anchoring.keep()
    told = json.loads(log.getvalue())
    assert (told["event"], told["level"]) == ("audit not anchored", "error")
    assert process.metrics.registry.get_sample_value("scalpbot_audit_anchor_failures_total") == 1
    watch.seconds = ANCHOR_SECONDS - 1
    anchoring.keep()
    assert process.metrics.registry.get_sample_value("scalpbot_audit_anchor_failures_total") == 1
    path.rmdir()
    watch.seconds = ANCHOR_SECONDS
    anchoring.keep()
    assert ids(path) == [1]


def test_a_disk_that_fills_up_leaves_no_half_line(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = StringIO()
    anchoring = Anchoring(around_with(Watch(), log), store, path, KEY)
    write(store, 1)
    anchoring.anchor()
    write(store, 1)
    with monkeypatch.context() as full:
        real = os.write
        full.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:100]))
        anchoring.anchor()
    assert "only 100 of" in log.getvalue()
    assert ids(path) == [1]
    anchoring.anchor()
    assert ids(path) == [1, 2]


@pytest.mark.parametrize("left", [b"{", b'{"serial":2,"time":"20', b"\0\0\0", b'{"serial":2,"ti\0\0'])
def test_an_unfinished_line_is_mended_by_the_next_anchor(left: bytes, store: Store, path: Path) -> None:
    log = StringIO()
    anchoring = Anchoring(around_with(Watch(), log), store, path, KEY)
    write(store, 1)
    anchoring.anchor()
    path.write_bytes(path.read_bytes() + left)
    found = check_anchors(path.read_bytes(), PUBLIC)
    assert (found.first_bad, found.unfinished, len(found.anchors)) == (None, True, 1)
    write(store, 1)
    anchoring.anchor()
    assert ids(path) == [1, 2]
    assert "a crash left an anchor unfinished" in log.getvalue()


@pytest.mark.parametrize(
    ("spoilt", "part"),
    [
        (lambda path: path.write_bytes(path.read_bytes() + b"note"), "ends with something that is not an anchor"),
        (lambda path: path.write_bytes(b"note\n"), "the last line of"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b'"hash":"', b'"hash":"0')), "does not hold record 2"),
    ],
    ids=["appended", "replaced", "another hash"],
)
def test_a_file_that_is_not_ours_is_left_alone(spoilt: "object", part: str, store: Store, path: Path) -> None:
    log = StringIO()
    write(store, 2)
    anchor(store, path)
    assert callable(spoilt)
    spoilt(path)
    before = path.read_bytes()
    write(store, 1)
    Anchoring(around_with(Watch(), log), store, path, KEY).anchor()
    assert part in log.getvalue()
    assert path.read_bytes() == before


def test_another_key_adds_nothing_to_a_file(store: Store, path: Path) -> None:
    log = StringIO()
    write(store, 1)
    anchor(store, path)
    write(store, 1)
    Anchoring(around_with(Watch(), log), store, path, OTHER_KEY).anchor()
    assert "was signed with another key" in log.getvalue()
    assert ids(path) == [1]


def test_a_database_that_was_replaced_is_noticed_at_the_next_anchor(store: Store, path: Path, tmp_path: Path) -> None:
    write(store, 5)
    anchor(store, path)
    log = StringIO()
    new_sqlite(tmp_path / "other.db")
    with closing(open_store(sqlite_url(tmp_path / "other.db"))) as other:
        write(other, 3)
        Anchoring(around_with(Watch(), log), other, path, KEY).anchor()
    assert "does not hold record 5 as anchor 1 of" in log.getvalue()
    assert ids(path) == [5]


def test_a_run_on_a_file_makes_its_key_and_anchors_at_its_end(store: Store, url: str, tmp_path: Path) -> None:
    log = StringIO()
    for _ in range(2):
        with anchored(around_with(Watch(), log), store, RuntimeSettings(), url):
            write(store, 2)
        # It is told when it is made, and used from then on.
        assert log.getvalue().count("made a key to sign anchors with") == 1
    key = tmp_path / "paper.anchor-key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text(encoding="utf-8").strip() not in log.getvalue()
    known = known_anchors(RuntimeSettings(), url)
    found = read_anchors(known)
    assert found is not None
    assert (found.key_given, found.anchors[-1].audit_id) == (True, 4)
    with store.reading() as reader:
        assert verify_audit(reader.audit_in_order(), found.witnesses()).ok


def test_a_key_is_made_once_with_the_folders_that_it_lies_in(tmp_path: Path) -> None:
    key = tmp_path / "a" / "b" / "key"
    assert make_key(key, lambda size: KEY[:size])
    assert not make_key(key, lambda size: OTHER_KEY[:size])
    assert read_key(key) == KEY


def test_a_run_that_fails_is_anchored_too(store: Store, url: str, path: Path) -> None:
    runtime = RuntimeSettings.model_validate({"audit_anchor_path": path, "audit_anchor_key": private_text(KEY)})

    def fail() -> None:
        with anchored(around_with(Watch(), StringIO()), store, runtime, url):
            write(store, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert ids(path)[-1] == 2


def test_a_server_without_a_place_for_anchors_is_told_once(store: Store) -> None:
    log = StringIO()
    with anchored(around_with(Watch(), log), store, RuntimeSettings(), SERVER):
        pass
    told = json.loads(log.getvalue())
    assert told["level"] == "warning"
    assert "set AUDIT_ANCHOR_PATH" in told["event"]


def test_a_server_with_a_place_and_no_key_is_refused(store: Store, path: Path) -> None:
    runtime = RuntimeSettings(audit_anchor_path=path)
    with (
        pytest.raises(InputError, match=r"no key to sign anchors with: set AUDIT_ANCHOR_KEY_FILE"),
        anchored(around_with(Watch(), StringIO()), store, runtime, SERVER),
    ):
        pass


def test_a_spoilt_key_beside_the_database_is_refused(store: Store, url: str, tmp_path: Path) -> None:
    (tmp_path / "paper.anchor-key").write_text("secret", encoding="utf-8")
    with (
        pytest.raises(InputError, match=r"paper\.anchor-key does not hold a private anchor key"),
        anchored(around_with(Watch(), StringIO()), store, RuntimeSettings(), url),
    ):
        pass


@pytest.mark.parametrize(
    ("environ", "part"),
    [
        ({"AUDIT_ANCHOR_KEY": "secret"}, "does not hold a private anchor key"),
        ({"AUDIT_ANCHOR_KEY": private_text(KEY)[:-2]}, "does not hold a private anchor key"),
        ({"AUDIT_ANCHOR_KEY": private_text(bytes(32))}, "can be guessed"),
        ({"AUDIT_ANCHOR_KEY": PUBLIC}, "the public half"),
        ({"AUDIT_ANCHOR_PUBLIC_KEY": private_text(KEY)}, "must stay secret"),
        ({"AUDIT_ANCHOR_PUBLIC_KEY": "x"}, "does not hold a public anchor key"),
    ],
)
def test_a_key_that_is_none_is_refused_from_the_environment(environ: dict[str, str], part: str) -> None:
    with pytest.raises(InputError, match=part) as refused:
        load_settings(None, environ)
    assert private_text(KEY) not in str(refused.value)


def test_keys_come_from_files_and_are_not_shown(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(f"{private_text(KEY)}\n", encoding="utf-8")
    settings = load_settings(
        None,
        {"AUDIT_ANCHOR_KEY_FILE": str(key_file), "AUDIT_ANCHOR_PATH": "/a/file", "AUDIT_ANCHOR_PUBLIC_KEY": PUBLIC},
    )
    shown = settings.redacted()["runtime"]
    assert (shown["audit_anchor_key"], shown["audit_anchor_path"]) == ("***", "/a/file")
    assert KEY.hex() not in json.dumps(settings.redacted()) + repr(settings)


def test_a_disk_that_stands_still_holds_up_no_end(
    store: Store, url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.anchors.anchoring._STOP_SECONDS", 0.05)
    runtime = load_settings(None, {"AUDIT_ANCHOR_PATH": str(path), "AUDIT_ANCHOR_KEY": private_text(KEY)}).runtime
    log = StringIO()
    write(store, 1)
    with opened_anchors(path, Signer(KEY)), anchored(around_with(Watch(), log), store, runtime, url):
        (thread,) = (each for each in threading.enumerate() if each.name == "anchors")
        # The interpreter must not wait for it either.
        assert thread.daemon
    thread.join()
    assert "the disk does not answer" in log.getvalue()
    monkeypatch.undo()
    log.truncate(0)
    with anchored(around_with(Watch(), log), store, runtime, url):
        write(store, 1)
    assert "the disk does not answer" not in log.getvalue()
    assert ids(path) == [1, 2]


def test_the_name_of_a_new_file_is_on_the_disk_too(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Path] = []
    path = path.parent / "of" / "anchors.jsonl"
    monkeypatch.setattr("shared.anchors.file.sync_folder", kept.append)
    for _ in range(2):
        write(store, 1)
        Anchoring(around_with(Watch(), StringIO()), store, path, KEY).finish()
    assert kept == [path.parent]
