"""Call what proves and explains a ledger beside a platform that trades, and count false alarms.

`python -m tests.tools.beside [--calls 200] [--deployed]`; exits with 1 where a call raised an alarm. Embedded it is
`scalpbot up` at full speed on fresh databases, deployed the services over RabbitMQ and PostgreSQL.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Final

from services.cli.program import main as scalpbot
from tests.faults.stage import Stage
from tests.fixtures.deployed import wait_until
from tests.repository import ROOT
from tests.servers.choice import SWITCH, open_postgres_server, open_rabbit_server

# A ledger grows fast at full speed, and `parity` replays all of it: so many calls of each verb, then a new one.
_CALLS_TO_A_LEDGER: Final = 5
_DEPLOYED_CANDLES: Final = 2_500
_PATIENCE_SECONDS: Final = 60.0
_ALARMS: Final = ("start the services", "differs", "broken", "locked", "cannot be used")


def main(arguments: Sequence[str]) -> int:
    """Call each verb so often, print a line for each and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.beside", description="Call verbs beside trading.")
    parser.add_argument("--calls", type=int, default=200, metavar="N", help="calls of each verb; default: 200")
    parser.add_argument("--deployed", action="store_true", help="beside the services over RabbitMQ and PostgreSQL")
    options = parser.parse_args(arguments)
    calls, alarms = Counter[str](), list[str]()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="scalpbot-beside-")))
        ledgers = _deployed(opened, folder) if options.deployed else _embedded(folder)
        while calls["parity"] < options.calls:
            with next(ledgers) as database:
                alarms += called(database, min(_CALLS_TO_A_LEDGER, options.calls - calls["parity"]), calls)
            print(f"{calls['parity']} of {options.calls}, {len(alarms)} alarms", file=sys.stderr, flush=True)
    for verb, times in calls.items():
        print(f"{verb:<13} called {times:>4} times, false alarms {sum(alarm.startswith(verb) for alarm in alarms)}")
    print("\n".join(alarms[:20]))
    return 1 if alarms else 0


def called(database: str, times: int, calls: Counter[str]) -> list[str]:
    """Call each verb so many times, count the calls, and return each alarm as the verb and what it said."""
    alarms = []
    for _ in range(times):
        newest = json.loads(_said("gates", "--limit", "1", "--json", "--db", database)[1])[0]
        for verb in (["parity"], ["status"], ["why", newest["pair"], newest["candle_time"]], ["audit", "verify"]):
            name = "audit verify" if verb[0] == "audit" else verb[0]
            code, said = _said(*verb, "--db", database)
            calls[name] += 1
            if code != 0 or any(words in said for words in _ALARMS):
                alarms.append(f"{name}: exit code {code}: {said[-500:]}")
    return alarms


@contextmanager
def trading(folder: Path) -> Iterator[str]:
    """Run `up` at full speed in a folder, and hand out its database once it has traded."""
    database = folder / "up.db"
    command = [sys.executable, "-m", "tests.tools.scalpbot", "up", "--speed", "max", "--no-api", "--db", str(database)]
    environ = {name: value for name, value in os.environ.items() if name != SWITCH} | {"PYTHONPATH": str(ROOT)}
    with (folder / "said").open("wb") as said:
        up = subprocess.Popen(command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            wait_until(lambda: _has_traded(database), _PATIENCE_SECONDS, "it trades")
            yield str(database)
            assert up.poll() is None, (folder / "said").read_text()[-1_000:]
        finally:
            up.terminate()
            up.wait(_PATIENCE_SECONDS)


def _embedded(folder: Path) -> Iterator[AbstractContextManager[str]]:
    for number in count():
        own = folder / str(number)
        own.mkdir()
        yield trading(own)


def _deployed(stack: ExitStack, folder: Path) -> Iterator[AbstractContextManager[str]]:
    switch = os.environ.get(SWITCH, "")
    rabbit = stack.enter_context(open_rabbit_server(switch))
    postgres = stack.enter_context(open_postgres_server(switch))
    stage = Stage(rabbit, postgres, folder)
    while True:
        yield _scene(stage)


@contextmanager
def _scene(stage: Stage) -> Iterator[str]:
    with stage.scene(_DEPLOYED_CANDLES) as scene:
        scene.start_all()
        scene.wait_for_trading(0.02)
        yield scene.store_url
        assert scene.traded() < _DEPLOYED_CANDLES, "the candles were over before the calls"


def _has_traded(database: Path) -> bool:
    return database.exists() and _said("trades", "--limit", "1", "--json", "--db", str(database))[1].count("number") > 0


def _said(*arguments: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        code = scalpbot(arguments)
    return code, out.getvalue() + errors.getvalue()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
