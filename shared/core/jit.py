"""Compile the core's plain functions with Numba on demand; the only place that knows Numba.

A function marked `@jitable` stays the plain Python function it is. Only `compiled` imports Numba, teaches it
all marked functions and returns a machine-code version of an entry function, so live services never pay for it.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_KEPT_FOLDERS: Final = 4
# `_nrt` is Numba's counting of references to arrays. Compiled code neither makes nor keeps an array, and a step hands
# on dozens of them, so that counting would take most of the time. Inlining everything keeps states in registers.
_CALLEE_OPTIONS: Final[Any] = {"_nrt": False, "no_cfunc_wrapper": True, "forceinline": True}
_ENTRY_OPTIONS: Final[Any] = {"_nrt": False, "no_cfunc_wrapper": True, "nogil": True, "error_model": "numpy"}

_marked: list[Callable[..., object]] = []
_chosen: list[tuple[Callable[..., object], Callable[[type], Callable[..., object]]]] = []


def jitable(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Mark a pure function as callable from compiled code, and return it unchanged."""
    _marked.append(function)
    return function


def chosen_by_type(
    choose: Callable[[type], Callable[Parameters, Result]],
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Mark a function that hands all it is given to the one which `choose` names for the type of its last argument.

    Compiled code makes that choice while it is compiled. Plain Python runs the function, which must choose alike.
    """

    def marked(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        _chosen.append((function, choose))
        return function

    return marked


def natural(index: int) -> int:
    """Return an index that is not negative, as it is; compiled code then leaves out Python's counting from the end.

    Only to index with: compiled code must not reckon with it, or compare it, beside ordinary integers.
    """
    return index


def core_digest() -> str:
    """Hash the source of the core, the interpreter and Numba's version.

    Numba's disk cache looks at the file of the entry function only; an edited callee elsewhere would go unnoticed.
    """
    from numba import __version__ as numba_version  # noqa: PLC0415  (heavy: only where code is compiled)

    digest = hashlib.sha256(f"{sys.version}{numba_version}".encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _cache_folder() -> Path | None:
    """Make the folder of this core's machine code, or return None where nothing can be written."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "scalpbot" / "compiled" / core_digest()
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            _forget_older(folder)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):  # Path.home() raises RuntimeError for a user without a home
        return None


def _forget_older(folder: Path) -> None:
    others = sorted(folder.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
    for other in others[_KEPT_FOLDERS:]:
        shutil.rmtree(other, ignore_errors=True)


@cache
def _teach_numba() -> None:
    import numba  # noqa: PLC0415  (heavy: only where code is compiled)
    from numba.extending import overload, register_jitable  # noqa: PLC0415

    # Numba tells an index that may be negative by its type.
    unsigned: Any = numba.uint64

    def typed_natural(index: int) -> Callable[[int], int]:  # noqa: ARG001
        def natural_in_machine_code(index: int) -> Any:
            return unsigned(index)

        return natural_in_machine_code

    vars(numba.config)["CACHE_DIR"] = str(_cache_folder() or "")
    overload(natural, jit_options=_CALLEE_OPTIONS)(typed_natural)
    for dispatching, choose in _chosen:
        overload(dispatching, jit_options=_CALLEE_OPTIONS, strict=False)(_typed_choice(choose))
    for function in _marked:
        register_jitable(**_CALLEE_OPTIONS)(function)


def _typed_choice(choose: Callable[[type], Callable[..., object]]) -> Callable[..., Callable[..., object]]:
    def typed(*arguments: Any) -> Callable[..., object]:
        return choose(arguments[-1].instance_class)

    return typed


def machine_code_is_kept() -> bool:
    """Return whether what is compiled can be kept for the next process; where it cannot, each one compiles anew."""
    return _cache_folder() is not None


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Call `tell` once, as soon as a function is compiled in the block because no machine code of it is kept."""
    from numba.core.event import Listener, install_listener  # noqa: PLC0415

    class FirstCompiling(Listener):
        told = False

        def on_start(self, _event: object) -> None:
            if not self.told:
                self.told = True
                tell()

        def on_end(self, _event: object) -> None:
            pass

    with install_listener("numba:compile", FirstCompiling()):
        yield


@cache
def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Return the machine-code version of an entry function; its first call compiles or loads it from disk."""
    _teach_numba()
    import numba  # noqa: PLC0415

    in_memory = cast(Callable[Parameters, Result], numba.njit(**_ENTRY_OPTIONS)(function))
    folder = _cache_folder()
    if folder is None:
        return in_memory
    from_disk = cast(Callable[Parameters, Result], numba.njit(cache=True, **_ENTRY_OPTIONS)(function))
    return _forgiving(from_disk, in_memory, folder)


def _forgiving(
    from_disk: Callable[Parameters, Result], in_memory: Callable[Parameters, Result], folder: Path
) -> Callable[Parameters, Result]:
    """Return a function that compiles anew, in memory, once the disk's cache turns out to be damaged or full."""
    usable = True

    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        nonlocal usable
        if usable:
            try:
                return from_disk(*args, **kwargs)
            except Exception:  # compiled code raises nothing, so it was not begun; unpickling may raise anything
                usable = False
                shutil.rmtree(folder, ignore_errors=True)
        return in_memory(*args, **kwargs)

    return run
