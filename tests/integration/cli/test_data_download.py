"""The verb `data download`: the file holds OANDA's candles, each once, however often the download is interrupted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Final

import pytest

from services.cli import main
from services.ingest.files.candle_file import parse_candle_argument, read_candle_file
from services.ingest.files.download import Download, DownloadRequest, download_candles
from shared.calendar.market_hours import is_market_open
from shared.contracts.errors import InputError
from shared.contracts.instruments import instrument
from shared.core.types import Candle
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, address_of
from tests.fixtures.oanda_market import BARS, START, STEP_SECONDS, market_series, oanda_environment
from tests.published import published
from tests.repository import ROOT
from tests.simulators.oanda import OUTAGES, BarKey, Faults, OandaSimulator, ResponseFault, VirtualClock

EUR_USD: Final = instrument("EUR_USD")
END: Final = START + BARS * STEP_SECONDS
NOW: Final = END - 3600 - 30
PROGRAM: Final = (sys.executable, "-c", "import sys; from services.cli import main; sys.exit(main())")
FROM: Final = "2024-01-03T13:00:00Z"

Run = Callable[..., tuple[int, str, str]]


@contextmanager
def simulated(faults: Faults | None = None) -> Iterator[OandaSimulator]:
    with OandaSimulator([market_series()], VirtualClock(NOW), faults) as simulator:
        yield simulator


@contextmanager
def connected(simulator: OandaSimulator) -> Iterator[OandaConnection]:
    """Connect with a sleep that moves the simulated time instead of taking real time."""
    clock = simulator.clock
    address = address_of(Environment.PRACTICE, simulator.address.rest_url, simulator.address.stream_url)
    with OandaConnection(
        address,
        simulator.token,
        simulator.account_id,
        clock=clock.now,
        monotonic=clock.now,
        sleep=clock.advance,
        jitter=lambda: 0.5,
        answer_seconds=5.0,
    ) as connection:
        yield connection


def download(
    simulator: OandaSimulator, path: Path, *, until: int = NOW, page_size: int = 200, stop_after: int | None = None
) -> Download:
    """Download from the start on; `stop_after` ends it by force after so many pages."""
    pages: list[int] = []

    def progress(time: int) -> None:
        pages.append(time)
        if len(pages) == stop_after:
            raise KeyboardInterrupt

    with connected(simulator) as connection:
        return download_candles(
            connection, DownloadRequest(EUR_USD, STEP_SECONDS, START, until, path), progress, page_size
        )


def candles_in(path: Path) -> list[Candle]:
    series = read_candle_file(parse_candle_argument(f"EUR_USD={path}"), model_spread_points=3).series
    return list(series.candles())


def complete_candles(simulator: OandaSimulator, until: float = NOW) -> list[Candle]:
    return [one for one in simulator.existing_candles("EUR_USD") if one.time + STEP_SECONDS <= until]


@pytest.fixture(name="whole", scope="module")
def whole_(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the file of a download that nothing interrupted."""
    path = tmp_path_factory.mktemp("whole") / "EUR_USD.csv"
    with simulated() as simulator:
        download(simulator, path)
        assert candles_in(path) == complete_candles(simulator)
    return path.read_bytes()


@pytest.fixture(name="run")
def run_(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, simulator: OandaSimulator | None = None) -> tuple[int, str, str]:
        for name, value in ({} if simulator is None else oanda_environment(simulator)).items():
            monkeypatch.setenv(name, value)
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def arguments(path: Path, *more: str) -> list[str]:
    return ["data", "download", "--pair", "EUR_USD", "--granularity", "M5", "--from", FROM, "--out", str(path), *more]


def test_file_holds_the_complete_candles_of_the_market_and_what_it_lacks_is_told(
    run: Run, tmp_path: Path, whole: bytes
) -> None:
    path = tmp_path / "EUR_USD_M5.csv"
    with simulated() as simulator:
        code, output, errors = run(*arguments(path, "--json"), simulator=simulator)
        expected = complete_candles(simulator)
        assert simulator.changing_requests == []
    assert code == 0, errors
    document = published("data download", output)
    assert path.read_bytes() == whole
    assert (document["rows_before"], document["rows_written"]) == (0, len(expected))
    first, last = expected[0].time, expected[-1].time
    slots = sum(is_market_open(time) for time in range(first, last + 1, STEP_SECONDS))
    assert document["missing_candles"] == slots - len(expected)
    assert document["last_open_time"] == "2024-01-09T11:50:00Z"
    assert document["left_out"] == []


def test_downloaded_file_is_taken_by_check_and_backtest(run: Run, tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD_M5.csv"
    path.write_bytes(whole)
    code, output, _ = run("data", "check", "--csv", str(path), "--json")
    assert code == 0
    [file] = json.loads(output)["files"]
    assert (file["granularity"], file["header"], file["bad_rows"]) == ("M5", "bid/ask", [])
    code, output, errors = run("backtest", "--csv", str(path), "--json")
    assert code == 0, errors
    assert json.loads(output)["candles"] == file["candles"]


@pytest.mark.parametrize("cut", [0, 5, 60, 88, 89, 90, 120, 171, 172, 1_000, 30_001, -200, -60, -2, -1, None])
def test_file_that_was_cut_anywhere_is_continued_to_the_same_bytes(
    tmp_path: Path, whole: bytes, cut: int | None
) -> None:
    path = tmp_path / "EUR_USD.csv"
    path.write_bytes(whole[:cut])
    with simulated() as simulator:
        done = download(simulator, path)
    assert path.read_bytes() == whole
    assert done.rows_before + done.rows_written == whole.count(b"\n") - 1
    assert done.cut_bytes == len(whole[:cut]) - (whole[:cut].rfind(b"\n") + 1)


@pytest.mark.parametrize("pages", [1, 3])
def test_download_that_is_ended_by_force_leaves_whole_rows_and_goes_on_after_them(
    tmp_path: Path, whole: bytes, pages: int
) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated() as simulator:
        with pytest.raises(KeyboardInterrupt):
            download(simulator, path, stop_after=pages)
        first = path.read_bytes()
        assert whole.startswith(first)
        assert first.endswith(b"\n")
        done = download(simulator, path)
    assert path.read_bytes() == whole
    assert done.rows_before == first.count(b"\n") - 1


def test_killed_program_is_continued_by_the_same_command(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated(Faults(max_candle_count=150)) as simulator:
        environ = {**os.environ, **oanda_environment(simulator), "PYTHONPATH": str(ROOT)}
        simulator.faults.schedule(ResponseFault.SLOW, times=100, path="/candles")
        with subprocess.Popen([*PROGRAM, *arguments(path)], env=environ, cwd=tmp_path) as running:
            while not path.exists() or not path.stat().st_size:
                assert running.poll() is None
                sleep(0.01)
            running.send_signal(signal.SIGKILL)
        assert len(path.read_bytes()) < len(whole)
        simulator.faults.slow_seconds_real = 0.0
        again = subprocess.run(
            [*PROGRAM, *arguments(path, "--json")], env=environ, cwd=tmp_path, capture_output=True, check=True
        )
    assert path.read_bytes() == whole
    assert json.loads(again.stdout)["rows_before"] > 0


@pytest.mark.parametrize("seed", range(5))
def test_no_fault_on_the_way_loses_doubles_or_invents_a_row(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated(Faults.random(seed, 0.3, kinds=OUTAGES)) as simulator:
        download(simulator, path, until=END - 7200, page_size=100)
        assert candles_in(path) == [one for one in complete_candles(simulator) if one.time < END - 7200]


def test_later_download_adds_what_has_become_complete_since(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated() as simulator:
        download(simulator, path)
        simulator.clock.advance(1800)
        done = download(simulator, path, until=END)
        assert candles_in(path) == complete_candles(simulator, NOW + 1800)
    assert path.read_bytes().startswith(whole)
    assert done.rows_written == 6 - sum(1 for bar in range(BARS - 13, BARS - 7) if bar % 17 == 3)


def test_nothing_after_a_candle_that_is_late_to_complete_is_written(tmp_path: Path) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated(Faults(late_completion_seconds=900.0)) as simulator:
        download(simulator, path, until=END)
        first = candles_in(path)
        simulator.clock.advance(3600)
        download(simulator, path, until=NOW)
        assert candles_in(path) == [one for one in simulator.existing_candles("EUR_USD") if one.time < NOW]
    assert 0 < len(first) < len(candles_in(path))


def test_finished_download_changes_nothing_when_it_is_repeated(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    path.write_bytes(whole)
    with simulated() as simulator:
        assert download(simulator, path).rows_written == 0
    assert path.read_bytes() == whole


def test_span_without_candles_makes_no_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "EUR_USD.csv"
    weekend = ("--from", "2024-01-06T00:00:00Z", "--to", "2024-01-07T00:00:00Z")
    with simulated() as simulator:
        code, _, errors = run(*arguments(path, *weekend), simulator=simulator)
    assert (code, path.exists()) == (0, False)
    assert "no complete candle" in errors


def changed_volume(lines: list[str]) -> list[str]:
    return [*lines[:-1], f"{lines[-1].rpartition(',')[0]},9999"]


def with_bad_row(lines: list[str]) -> list[str]:
    return [*lines[:7], lines[7].replace("1.", "x.", 1), *lines[8:]]


def swapped(lines: list[str]) -> list[str]:
    return [*lines[:4], lines[5], lines[4], *lines[6:]]


def mid_header(lines: list[str]) -> list[str]:
    return ["time,open,high,low,close,volume", *lines[1:]]


def one_of_three(lines: list[str]) -> list[str]:
    return [lines[0], *(line for line in lines[1:] if line[14:16] in {"00", "15", "30", "45"})]


def later_beginning(lines: list[str]) -> list[str]:
    return [lines[0], *lines[20:]]


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (changed_volume, "has volume 9999, but OANDA's M5 candle of EUR_USD has"),
        (with_bad_row, ":8: "),
        (swapped, ":6: its time does not follow"),
        (mid_header, ":1: the header"),
        (one_of_three, "holds M15 candles, so it is not continued with M5 ones"),
        (later_beginning, "OANDA has candles from 2024-01-03T13:00:00Z on"),
    ],
)
def test_file_that_cannot_be_continued_is_refused_in_one_sentence_and_left_as_it_is(
    run: Run, tmp_path: Path, whole: bytes, alter: Callable[[list[str]], list[str]], said: str
) -> None:
    path = tmp_path / "EUR_USD.csv"
    # A torn line at the end must not be cut off a file that is refused.
    given = "\n".join([*alter(whole[:20_000].decode().splitlines()[:-1]), "2024-01"]).encode()
    path.write_bytes(given)
    with simulated() as simulator:
        code, output, errors = run(*arguments(path), simulator=simulator)
    assert (code, output) == (2, "")
    assert errors.startswith("error: ")
    assert errors.count("\n") == 1
    assert said in errors
    assert path.read_bytes() == given


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--granularity", "H1"), "off the grid of H1"),
        (("--granularity", "M1"), "holds M5 candles"),
        (("--granularity", "M3"), "granularity 'M3' is unknown"),
        (("--pair", "GBP_USD"), "is named after EUR_USD"),
        (("--pair", "EURO"), "'EURO' is not a pair"),
        (("--from", "2024-01-03"), "cannot be read"),
        (("--from", "2924-01-03T00:00:00Z"), "is in the future"),
        (("--to", "2024-01-01T00:00:00Z"), "is not before"),
        (("--out", "nowhere/EUR_USD.csv"), "nowhere/EUR_USD.csv cannot be written"),
        (("--out", "EUR_USD.csv.gz"), "leave out .gz"),
    ],
)
def test_wrong_option_is_bad_input_and_the_file_stays_as_it_is(
    run: Run, tmp_path: Path, whole: bytes, more: Sequence[str], said: str
) -> None:
    path = tmp_path / "EUR_USD.csv"
    path.write_bytes(whole)
    with simulated() as simulator:
        code, _, errors = run(*arguments(path, *more), simulator=simulator)
    assert (code, said in errors) == (2, True), errors
    assert path.read_bytes() == whole


def test_candle_that_was_revised_after_the_download_is_noticed(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    path.write_bytes(whole)
    last = candles_in(path)[-1]
    with (
        simulated(Faults(revised=[BarKey("EUR_USD", last.time)], revised_after_seconds=0)) as simulator,
        pytest.raises(InputError, match="or was revised"),
    ):
        download(simulator, path)
    assert path.read_bytes() == whole


def test_candle_that_no_file_may_hold_is_left_out_and_told(run: Run, tmp_path: Path) -> None:
    series = market_series()
    low = series.ask_low.copy()
    low[50] = series.ask_high[50] + 40
    path = tmp_path / "EUR_USD.csv"
    with OandaSimulator([series._replace(ask_low=low)], VirtualClock(NOW)) as simulator:
        code, output, _ = run(*arguments(path, "--json"), simulator=simulator)
        again = run(*arguments(path), simulator=simulator)
    [left_out] = json.loads(output)["left_out"]
    assert code == 0
    assert "ask_low" in left_out["reason"]
    assert again[0] == 0
    assert run("data", "check", "--csv", str(path))[0] == 0


def test_two_programs_that_write_one_file_are_noticed_before_rows_are_doubled(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    with simulated() as simulator, connected(simulator) as connection:

        def other(_time: int) -> None:
            if path.read_bytes() != whole:
                download(simulator, path)

        request = DownloadRequest(EUR_USD, STEP_SECONDS, START, NOW, path)
        with pytest.raises(InputError, match="written by another program"):
            download_candles(connection, request, other, 200)
    assert path.read_bytes() == whole


def test_full_disk_leaves_whole_rows_only(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "EUR_USD.csv"
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)); "
        "from services.cli import main; sys.exit(main())"
    )
    with simulated(Faults(max_candle_count=150)) as simulator:
        environ = {**os.environ, **oanda_environment(simulator), "PYTHONPATH": str(ROOT)}
        ended = subprocess.run(
            [sys.executable, "-c", script, *arguments(path)],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 1, ended.stderr
        assert "cannot be written now" in ended.stderr
        assert "run the same command again to continue" in ended.stderr
        first = path.read_bytes()
        assert whole.startswith(first)
        assert first.endswith(b"\n")
        download(simulator, path)
    assert path.read_bytes() == whole


def test_wrong_or_missing_token_is_one_sentence_without_the_token(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "EUR_USD.csv"
    for name in [name for name in os.environ if name.startswith("OANDA_")]:
        monkeypatch.delenv(name)
    code, _, errors = run(*arguments(path))
    assert (code, "OANDA_API_KEY is not set" in errors) == (2, True)
    with simulated(Faults(stale_token=True)) as simulator:
        code, _, errors = run(*arguments(path), simulator=simulator)
    assert (code, "works in one environment only" in errors) == (2, True)
    assert simulator.token not in errors
    assert not path.exists()
