"""Verbs that prove and explain a ledger raise no alarm beside a platform that trades at full speed."""

from collections import Counter
from pathlib import Path

from tests.tools.beside import called, trading


def test_verbs_raise_no_alarm_beside_a_platform_at_full_speed(tmp_path: Path) -> None:
    calls = Counter[str]()
    with trading(tmp_path) as database:
        assert called(database, 3, calls) == []
    assert calls == {"parity": 3, "status": 3, "why": 3, "audit verify": 3}
