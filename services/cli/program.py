"""The program itself: its verbs, and what a fault looks like from outside.

Exit codes: 0 ok, 1 a fault, 2 bad input or configuration, 3 a check that was asked for did not hold.
"""

import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Final

import typer

from services.cli.audit import options as audit
from services.cli.backtest import options as backtest
from services.cli.bus import options as bus
from services.cli.commands import options as commands
from services.cli.config import options as config
from services.cli.data import options as data
from services.cli.db import options as db
from services.cli.dlq import options as dlq
from services.cli.doctor import options as doctor
from services.cli.indicators import options as indicators
from services.cli.ledger import options as ledger
from services.cli.paper import options as paper
from services.cli.parity import options as parity
from services.cli.run import options as run
from services.cli.up import options as up
from services.cli.users import options as users
from services.cli.variables import DEBUG_VARIABLE
from services.cli.why import options as why
from shared.contracts.errors import InfrastructureError, InputError

FAULT: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130

# `register` of a verb's options adds it to the program; the work behind them is loaded when it begins.
_REGISTER: Final[tuple[Callable[[typer.Typer], None], ...]] = (
    paper.register,
    up.register,
    run.register,
    backtest.register,
    why.register,
    ledger.register,
    commands.register,
    users.register,
    parity.register,
    db.register,
    audit.register,
    doctor.register,
    indicators.register,
    config.register,
    data.register,
    bus.register,
    dlq.register,
)


def build_program() -> typer.Typer:
    """Return the program with all its verbs."""
    program = typer.Typer(
        name="scalpbot",
        help="FX scalping platform: seven gates, paper trading, backtests and live operation from one core.",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @program.callback()
    def _program() -> None:
        """FX scalping platform: seven gates, paper trading, backtests and live operation from one core."""

    for register in _REGISTER:
        register(program)
    return program


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with its arguments, those of the process by default, and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = build_program()(given or ["--help"], prog_name="scalpbot", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has read enough; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as leaving:
        # Typer leaves on a broken pipe by itself.
        return 0 if isinstance(leaving.__context__, BrokenPipeError) else FAULT
    except (InputError, typer.TyperException) as error:
        if isinstance(error, typer.TyperException) and not error.format_message().strip():
            # A group of verbs without a verb has shown its help already.
            return BAD_INPUT
        return _failed(BAD_INPUT, error, _sentence(error))
    except InfrastructureError as error:
        return _failed(FAULT, error, _sentence(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("stopped\n")
        return INTERRUPTED
    except Exception as error:  # the last line of defence: a fault of ours, told in a sentence
        hint = f"run it again with {DEBUG_VARIABLE}=1 to see where"
        return _failed(FAULT, error, f"an unexpected fault, {type(error).__name__}: {_sentence(error)}; {hint}")
    finally:
        if arguments is None:
            # The process ends here: looking through a million objects for garbage would only keep people waiting.
            gc.freeze()
    return code if isinstance(code, int) else 0


def _sentence(error: Exception) -> str:
    if not isinstance(error, typer.TyperException):
        return " ".join(str(error).split())
    words = " ".join(error.format_message().split())
    for formal, plain in (("Value error, ", ""), ("Input should be", "it must be")):
        words = words.replace(formal, plain)
    context = getattr(error, "ctx", None)
    path = "scalpbot" if context is None else context.command_path
    return f"{words.rstrip('.')}; see '{path} --help'"


def _failed(code: int, error: Exception, sentence: str) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write(f"error: {sentence}\n")
    return code
