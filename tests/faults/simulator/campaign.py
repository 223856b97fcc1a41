"""Many simulations: what was injected, what came of it, and how to repeat those that failed."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.faults.simulator.faults import CONSEQUENCES, CRASH_PLACES, CRASHED, KINDS
from tests.faults.simulator.judgement import Effects
from tests.faults.simulator.simulation import Outcome, Simulator


class Line(NamedTuple):
    """One kind of fault: how often it struck, in how many simulations, and the effects that these got wrong."""

    kind: str
    injected: int
    seeds: int
    lost: int
    doubled: int
    violated: int


class Summary(NamedTuple):
    """A campaign: its lines, its sums, the longest way back to order, and the failed seeds with their words."""

    seeds: int
    lines: list[Line]
    lost: int
    doubled: int
    violated: int
    most_steps_to_drain: int
    longest_seconds_to_drain: float
    failures: list[str]


def run_campaign(simulator: Simulator, seeds: Iterable[int], steps: int) -> Summary:
    """Run the simulations of some seeds."""
    outcomes = [simulator.run(seed, steps) for seed in seeds]
    lost, doubled, violated = _sums(outcome.effects for outcome in outcomes)
    return Summary(
        len(outcomes),
        [_line(kind, outcomes) for kind in (*KINDS, *(f"{CRASHED} {place}" for place in CRASH_PLACES), *CONSEQUENCES)],
        lost,
        doubled,
        violated,
        max((outcome.steps_to_drain for outcome in outcomes), default=0),
        max((outcome.seconds_to_drain for outcome in outcomes), default=0.0),
        [failure(outcome, steps) for outcome in outcomes if not outcome.effects.sound],
    )


def failure(outcome: Outcome, steps: int) -> str:
    """Return what a failed simulation got wrong and the command that repeats it."""
    lost, doubled, violated, words = outcome.effects
    return (
        f"seed {outcome.seed}: {lost} lost, {doubled} doubled, {violated} violated: {'; '.join(words[:3])}\n"
        f"  again: python -m tests.tools.simulate --seed {outcome.seed} --steps {steps} --verbose"
    )


def table(summary: Summary) -> Iterator[str]:
    """Yield a summary as lines of text."""
    layout = "{:<46} {:>9} {:>6} {:>5} {:>8} {:>9}"
    yield layout.format("fault or consequence", "injected", "seeds", "lost", "doubled", "violated")
    for line in summary.lines:
        if line.injected:
            yield layout.format(*line)
    injected = sum(line.injected for line in summary.lines if line.kind not in CONSEQUENCES)
    yield layout.format("all faults", injected, summary.seeds, summary.lost, summary.doubled, summary.violated)
    yield (
        f"after the faults everything was traded within {summary.longest_seconds_to_drain:.1f} simulated seconds,"
        f" {summary.most_steps_to_drain} steps"
    )


def _line(kind: str, outcomes: list[Outcome]) -> Line:
    struck = [outcome for outcome in outcomes if outcome.injected[kind]]
    injected: Counter[str] = sum((outcome.injected for outcome in struck), Counter())
    return Line(kind, injected[kind], len(struck), *_sums(outcome.effects for outcome in struck))


def _sums(effects: Iterable[Effects]) -> tuple[int, int, int]:
    every = list(effects)
    return sum(each.lost for each in every), sum(each.doubled for each in every), sum(each.violated for each in every)
