"""The program itself: its verbs, and what a fault looks like from outside.

Exit codes: 0 ok, 1 a fault, 2 bad input or configuration, 3 a check that was asked for did not hold.
"""

import gc
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from typer.main import get_command

from services.cli.audit.options import audit
from services.cli.backtest.options import backtest
from services.cli.bus.options import bus
from services.cli.commands.options import commands
from services.cli.config.options import config
from services.cli.data.options import data
from services.cli.db.options import db
from services.cli.dlq.options import dlq
from services.cli.doctor.options import doctor
from services.cli.indicators.options import indicators
from services.cli.ledger.options import gates, positions, status, trades
from services.cli.paper.options import paper
from services.cli.parity.options import parity
from services.cli.run.options import run
from services.cli.schema.options import schema
from services.cli.steer.options import close, kill, pause, resume
from services.cli.terminal.output import note, say
from services.cli.terminal.streams import open_missing_streams, printable, write_no_more
from services.cli.tokens.options import tokens
from services.cli.up.options import up
from services.cli.users.options import users
from services.cli.variables import DEBUG_VARIABLE
from services.cli.watch.options import watch
from services.cli.why.options import why
from shared.contracts.concealed import concealing
from shared.contracts.errors import FULL_DISK_ERRNOS, InfrastructureError, InputError, full_disk

# As typer names options that look like what was given.
_POSSIBLE: Final = re.compile(r"\s*\(Possible options: ([^)]*)\)")

_AS_JSON: Final = "--json"

FAULT: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
# As a shell tells of a program that SIGPIPE ended: nobody is to take it for a verdict.
READER_GONE: Final = 141

# Only their options are here; the work behind them is loaded when it begins. Panels and verbs are in the order in which
# somebody new to the program needs them.
_PANELS: Final[Mapping[str, tuple[Callable[..., object] | typer.Typer, ...]]] = MappingProxyType(
    {
        "Trade": (paper, up, backtest),
        "Look": (status, trades, positions, gates, why, watch),
        "Steer": (pause, resume, close, kill, commands),
        "Prove": (parity, audit),
        "Operate": (doctor, users, tokens, db, config, run, bus, dlq),
        "Data": (data, indicators, schema),
    }
)


def build_program() -> typer.Typer:
    """Return the program with all its verbs."""
    program = typer.Typer(
        name="scalpbot",
        epilog="Every verb has --help, and those that report have --json. First steps: scalpbot up, then scalpbot "
        "status, and scalpbot kill to stop everything.",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_of_the_program)
    for panel, verbs in _PANELS.items():
        for verb in verbs:
            if isinstance(verb, typer.Typer):
                program.add_typer(verb, rich_help_panel=panel)
            else:
                program.command(rich_help_panel=panel)(verb)
    return program


def _shorten_values(command: Any) -> None:
    """Let help show values in few characters, so that names are whole and sentences wide at 80 columns.

    Nothing stands beside options that take no value: `--json <bool>` would invite `--json true`.
    """
    for option in command.params:
        if getattr(option, "is_flag", False):
            option.metavar = ""
        elif option.metavar is None and (getattr(option, "min", None), getattr(option, "max", None)) != (None, None):
            # A number within bounds, which are shown after it.
            option.metavar = "N"
    for each in getattr(command, "commands", {}).values():
        _shorten_values(each)


def _say_version(asked: bool) -> None:
    if asked:
        say(f"scalpbot {version('scalpbot')}")
        raise typer.Exit


def _of_the_program(
    *,
    shown: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """FX scalping platform: seven gates, paper trading, backtests and live operation from one core."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with its arguments, those of the process by default, and return its exit code.

    Whatever is written to stdout and stderr meanwhile, also by libraries, is without the secrets that were read.
    """
    open_missing_streams()
    with concealing((sys, "stdout"), (sys, "stderr")):
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    failed = _telling_faults(as_json=_AS_JSON in given)
    try:
        _require_text(given)
        command = get_command(build_program())
        _shorten_values(command)
        code = command(given or ["--help"], prog_name="scalpbot", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has read enough; what is still buffered goes nowhere.
        write_no_more(sys.stdout)
        return READER_GONE
    except SystemExit as leaving:
        # Typer leaves on a broken pipe by itself.
        return READER_GONE if isinstance(leaving.__context__, BrokenPipeError) else FAULT
    except (InputError, typer.TyperException) as error:
        if isinstance(error, typer.TyperException) and not error.format_message().strip():
            # A group of verbs without a verb has shown its help already.
            return BAD_INPUT
        return failed(BAD_INPUT, error, _sentence(error))
    except InfrastructureError as error:
        return failed(FAULT, error, _sentence(error))
    except OSError as error:
        if error.errno not in FULL_DISK_ERRNOS:
            return failed(FAULT, error, _unexpected(error))
        if error.filename is None:
            # What could not be written to stdout is tried once more at the end, and fails again.
            write_no_more(sys.stdout)
        return failed(FAULT, error, str(full_disk(error.filename or "the output")))
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("stopped\n")
        return INTERRUPTED
    except Exception as error:  # the last line of defence: a fault of ours, told in a sentence
        return failed(FAULT, error, _unexpected(error))
    finally:
        if arguments is None:
            # The process ends here: looking through a million objects for garbage would only keep people waiting.
            gc.freeze()
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception) -> str:
    hint = f"run it again with {DEBUG_VARIABLE}=1 to see where"
    return f"an unexpected fault, {type(error).__name__}: {_sentence(error)}; {hint}"


def _require_text(arguments: Sequence[str]) -> None:
    """Raise InputError for an argument with bytes that are no text: no database and no answer could name it."""
    for argument in arguments:
        if any("\ud800" <= each <= "\udfff" for each in argument):
            raise InputError(
                f"the argument {argument!a} is not UTF-8: name files in UTF-8, or go to their folder first"
            )


def _sentence(error: Exception) -> str:
    if not isinstance(error, typer.TyperException):
        return " ".join(str(error).split())
    words = " ".join(error.format_message().split())
    for formal, plain in (("Value error, ", ""), ("Input should be", "it must be")):
        words = words.replace(formal, plain)
    words = _POSSIBLE.sub(r". Did you mean \1?", words)
    context = getattr(error, "ctx", None)
    path = "scalpbot" if context is None else context.command_path
    joined = f"{words} See" if words.endswith("?") else f"{words.rstrip('.')}; see"
    return f"{joined} '{path} --help'"


def _telling_faults(*, as_json: bool) -> Callable[[int, Exception, str], int]:
    """Return what tells a fault on the last line of stderr, as a sentence or as an object, and gives its exit code."""

    def failed(code: int, error: Exception, sentence: str) -> int:
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exception(error, file=sys.stderr)
        if as_json:
            sys.stderr.write(f"{json.dumps({'ok': False, 'error': printable(sentence), 'exit_code': code})}\n")
        else:
            note(f"error: {sentence}")
        return code

    return failed
