"""What an examination finds, and how its checks are run: side by side, each for itself, and bounded in time."""

import threading
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from time import monotonic
from typing import Final, NamedTuple

from shared.contracts.concealed import concealed
from shared.contracts.errors import InfrastructureError, InputError, InvariantError, MessageError

_NAMED_FAULTS: Final = (InputError, InfrastructureError, InvariantError, MessageError)


class CheckResult(StrEnum):
    """How a check ended: a warning does not keep the program from running, and what was skipped was not looked at."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """A check, how it ended, and one sentence that also says how to mend what is wrong."""

    check: str
    verdict: CheckResult
    sentence: str


class Limits(NamedTuple):
    """How long an examination may wait, in seconds; all checks together take no longer than `whole_seconds`."""

    connect_seconds: float = 5.0
    answer_seconds: float = 5.0
    patience_seconds: float = 3.0
    whole_seconds: float = 25.0


class Report:
    """Findings of one section as they come in, in the order of its checks; threads may share it."""

    def __init__(self, checks: Sequence[str]) -> None:
        """Expect a finding of each of these checks."""
        self._checks = checks
        self._lock = threading.Lock()
        self._found: dict[str, Finding] = {}

    def say(self, check: str, verdict: CheckResult, sentence: str) -> None:
        """Note how a check ended."""
        with self._lock:
            self._found[check] = Finding(check, verdict, concealed(sentence))

    def ok(self, check: str, sentence: str) -> None:
        """Note that a check found nothing wrong."""
        self.say(check, CheckResult.OK, sentence)

    def warn(self, check: str, sentence: str) -> None:
        """Note something that may matter."""
        self.say(check, CheckResult.WARNING, sentence)

    def problem(self, check: str, sentence: str) -> None:
        """Note something that must be mended."""
        self.say(check, CheckResult.PROBLEM, sentence)

    def skip(self, checks: Iterable[str], why: str) -> None:
        """Note of checks without a finding that they could not be made."""
        for check in checks:
            if check not in self._found:
                self.say(check, CheckResult.SKIPPED, why)

    def judge(self, check: str, look: Callable[[], None]) -> bool:
        """Return whether a check ended without a problem, a fault that has a name being one."""
        try:
            look()
        except _NAMED_FAULTS as fault:
            self.problem(check, sentence_of(fault))
        return self._found[check].verdict is not CheckResult.PROBLEM

    def has_passed(self, check: str) -> bool:
        """Return whether a check found nothing wrong."""
        return self._found[check].verdict is CheckResult.OK

    def unfinished(self) -> list[str]:
        """Return the checks of which there is no finding yet, in order."""
        with self._lock:
            return [check for check in self._checks if check not in self._found]

    def findings(self) -> list[Finding]:
        """Return the findings in the order of the checks."""
        with self._lock:
            return [self._found[check] for check in self._checks if check in self._found]


class CheckGroup(NamedTuple):
    """Checks that build on each other, and what makes them."""

    checks: Sequence[str]
    examine: Callable[[Report], None]


def run_sections(sections: Sequence[CheckGroup], whole_seconds: float) -> list[Finding]:
    """Return the findings of all sections, examined side by side; a check without one in time is a problem."""
    end = monotonic() + whole_seconds
    reports = [Report(section.checks) for section in sections]
    threads = [
        # What hangs in the system's own waits must not keep the program from ending.
        threading.Thread(target=_examine, args=(section, report), name="doctor", daemon=True)
        for section, report in zip(sections, reports, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - monotonic()))
    for report in reports:
        _close(report, f"this check gave no result within {whole_seconds:g} s; check the network and try again")
    return [finding for report in reports for finding in report.findings()]


def sentence_of(fault: BaseException) -> str:
    """Return a fault's message on one line."""
    return " ".join(str(fault).split())


def _examine(section: CheckGroup, report: Report) -> None:
    try:
        section.examine(report)
    except _NAMED_FAULTS as fault:
        _close(report, sentence_of(fault))
    except Exception as fault:  # a defect of one check must not hide what the others found
        # The text of a fault that we do not know may hold anything, also an address with its password.
        _close(report, f"an unexpected fault of the program, {type(fault).__name__}, ended this check")


def _close(report: Report, why: str) -> None:
    unfinished = report.unfinished()
    if unfinished:
        report.problem(unfinished[0], why)
        report.skip(unfinished[1:], f"the check of {unfinished[0]} did not finish")
