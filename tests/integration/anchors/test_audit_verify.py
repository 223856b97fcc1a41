"""The API verifies the audit log: its chain, its anchors, and the rows that it tells of."""

from contextlib import closing
from pathlib import Path

from shared.anchors.places import KnownAnchors
from shared.store.sql.audit import GENESIS_HASH
from shared.store.sql_store import open_store
from tests.fixtures.anchored import NOON, PUBLIC, anchor, rewritten, tamper, write
from tests.fixtures.api import Api, add_rows, running
from tests.fixtures.api_stores import api, url

__all__ = ["api", "url"]


def test_the_audit_chain_is_verified(api: Api) -> None:
    write(api.store, 3)
    found = api.get("/api/audit/verify").json()
    assert (found["ok"], found["rows"], found["first_bad_id"]) == (True, 6, None)
    assert found["head"] != GENESIS_HASH
    newest = api.get("/api/audit", limit=1).json()["items"][0]
    assert (newest["actor"], newest["detail_json"], newest["hash"]) == ("executor", '{"n":6}', found["head"])


def test_the_audit_log_is_compared_with_its_anchors(url: str, tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    known, clock = KnownAnchors(path, PUBLIC), lambda: NOON + 3_600
    with closing(open_store(url)) as store:
        # An hour ago: a log of minutes may have none yet.
        write(store, 1)
    with closing(open_store(url)) as store, running(store, anchors=known, clock=clock) as api:
        write(store, 2)
        lacking = api.get("/api/audit/verify").json()
        assert (lacking["ok"], lacking["anchors"]) == (False, None)
        assert "is missing" in lacking["anchors_lack"]
        anchor(store, path)
        write(store, 1)
        found = api.get("/api/audit/verify").json()
        assert (found["ok"], found["anchors"]["last_id"], found["anchors"]["not_covered"]) == (True, 6, 1)
        tamper(url, lambda rows: rewritten(rows, 5))
        found = api.get("/api/audit/verify").json()
        assert (found["ok"], found["first_bad_id"]) == (False, 6)
        path.write_bytes(path.read_bytes().replace(b'"audit_id":6', b'"audit_id":4'))
        found = api.get("/api/audit/verify").json()
        assert (found["ok"], found["first_bad_id"], found["anchors"]["first_bad"]) == (False, None, 1)


def test_rows_that_the_audit_log_does_not_tell_of_are_named(api: Api) -> None:
    add_rows(api.store, 1, 3)
    found = api.get("/api/audit/verify").json()
    assert (found["ok"], found["first_bad_id"]) == (False, None)
    assert "the log has no record of" in found["differs"]
