"""Secrets that were read are masked wherever text leaves the process."""

import io
import json
from typing import TextIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.inspection.doctor.findings import Report
from shared.contracts.concealed import MASK, SHORTEST_SECRET, ConcealingStream, Concealment, conceal, concealed
from shared.contracts.errors import (
    InfrastructureError,
    InputError,
    InvariantError,
    LeaseLostError,
    MessageError,
    ToldError,
)
from shared.runtime.health import Health
from shared.runtime.logs import service_log
from shared.runtime.metrics import ServiceMetrics

SECRETS = some.text(
    some.characters(min_codepoint=33, max_codepoint=0x24F, exclude_categories=["Cc", "Cs", "Zs"]),
    min_size=SHORTEST_SECRET,
    max_size=40,
).filter(lambda text: MASK not in text and "***" not in text)


@given(secret=SECRETS, before=some.text(max_size=8), after=some.text(max_size=8))
def test_secret_is_masked_however_it_is_written(secret: str, before: str, after: str) -> None:
    concealment = Concealment()
    concealment.add([secret])
    for written in (secret, json.dumps(secret), repr(secret), ascii(secret)):
        assert secret not in concealment.hide_in(f"{before}{written}{after}").replace(before, "").replace(after, "")


@pytest.mark.parametrize("short", ["a", "12345", ""])
def test_text_that_stands_in_ordinary_words_is_left_as_it_is(short: str) -> None:
    concealment = Concealment()
    concealment.add([short])
    assert concealment.hide_in("a trade of 12345 units") == "a trade of 12345 units"


def test_longer_secret_is_masked_whole_where_a_shorter_one_begins_it() -> None:
    concealment = Concealment()
    concealment.add(["violet-moor", "violet-moor-kettle"])
    assert concealment.hide_in("violet-moor-kettle, violet-moor") == "***, ***"


@pytest.mark.parametrize("kind", [InputError, InfrastructureError, InvariantError, MessageError, LeaseLostError])
def test_no_error_of_ours_carries_a_secret_that_a_driver_quoted(kind: type[ToldError]) -> None:
    conceal("orbit-violin-17")
    fault = kind("the server says: no user orbit-violin-17 at all")
    assert "orbit-violin-17" not in f"{fault} {fault!r} {fault.args}"
    assert str(fault) == "the server says: no user *** at all"


def test_what_readyz_tells_anybody_has_no_secret() -> None:
    conceal("gravel-tulip-31")
    health = Health(ServiceMetrics("service", "1"))
    health.waits_for("store", "cannot resolve gravel-tulip-31")
    assert health.missing()["store"] == "cannot resolve ***"


def test_log_lines_and_their_tracebacks_have_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    conceal("kettle-moor-88", 'quoted"moor\\88')
    log = service_log("service", "one")
    try:
        raise ValueError("kettle-moor-88")
    except ValueError as fault:
        log.exception("failed", reason=str(fault), quoted='quoted"moor\\88')
    written = capsys.readouterr().err
    assert "failed" in written
    assert "moor-88" not in written
    assert "moor\\\\88" not in written


def test_finding_of_doctor_has_no_secret() -> None:
    conceal("plum-canyon-04")
    report = Report(["store"])
    report.problem("store", "plum-canyon-04 is no host")
    assert report.findings()[0].sentence == "*** is no host"


def test_stream_is_otherwise_the_one_below_it() -> None:
    below = io.StringIO()
    stream = cast("TextIO", ConcealingStream(below))
    conceal("amber-harbor-5")
    assert stream.write("amber-harbor-5\n") == len("amber-harbor-5\n")
    stream.writelines(["one\n", "amber-harbor-5"])
    assert below.getvalue() == "***\none\n***"
    assert not stream.isatty()
    assert concealed("amber-harbor-5") == MASK
