"""Anchors that no longer fit their database are kept, whatever was kept before."""

from pathlib import Path

from shared.anchors.fitting import set_aside
from shared.contracts.times import parse_time


def test_files_set_aside_in_the_same_second_are_all_kept(tmp_path: Path) -> None:
    anchors, now = tmp_path / "paper.anchors.jsonl", parse_time("2026-01-05T09:00:00Z")
    for text in ("first", "second", "third"):
        anchors.write_text(text)
        assert set_aside(anchors, now) is not None
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    until = "paper.anchors.until-20260105T090000Z"
    assert kept == {f"{until}-1.jsonl": "first", f"{until}-2.jsonl": "second", f"{until}-3.jsonl": "third"}


def test_where_there_are_no_anchors_nothing_is_set_aside(tmp_path: Path) -> None:
    assert set_aside(tmp_path / "paper.anchors.jsonl", 0) is None
    assert list(tmp_path.iterdir()) == []
