"""What is said of the API: of abuse of its login, and of its lists on a large store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.benchmarks.report import Aim

LOGIN: Final = "login"
READS: Final = "reads"
LISTED_CANDLES: Final = 1_000_000

LOGIN_NOTES: Final = (
    """\
Login: `scalpbot run api` over PostgreSQL with fsync, with hashes of full cost. 50 attempts at once: a thousand for \
one name, and 250 for as many names from as many addresses, of which those are hashed that find a place to wait. \
Another process asks /healthz all the while.""",
)
READS_NOTES: Final = (
    """\
Lists: pages of 100 rows over HTTP, beside the bare query of the same rows through the driver, in turns. What lies \
between is the session, the rows as objects, their check and their JSON; it does not grow with the store.""",
)


def login_aims(figures: Mapping[str, Any]) -> list[Aim]:
    """Return what was aimed at; the times can fail no run, since they hang on what else the machine does."""
    timing, one, many, large = (figures[name] for name in ("timing", "one_name", "many_names", "large_bodies"))
    known, unknown = timing["known_milliseconds"], timing["unknown_milliseconds"]
    return [
        Aim("login, attempts of a thousand that were let through", one["answers"].get("401", 0), 10, "", False, True),
        Aim("login, attempts of a thousand answered 429", one["answers"].get("429", 0), 990, "", True, True),
        Aim("login, known name against unknown, medians", abs(known / unknown - 1) * 100, 10, "% apart", False, False),
        Aim("login, a wrong password, median", known, 500, "ms", False, False),
        Aim("login, /healthz meanwhile, one name, p99", one["health_p99"], 200, "ms", False, False),
        Aim("login, /healthz meanwhile, many names, p99", many["health_p99"], 200, "ms", False, False),
        Aim("login, bodies of 10 MB refused of 50", large["refused"], large["sent"], "", True, True),
        Aim("login, growth of memory by them", large["growth_megabytes"], 5, "MB", False, True),
    ]


def reads_aims(pages: Sequence[Mapping[str, Any]]) -> list[Aim]:
    """Return how long each page takes, with how many times as long as its bare query that is."""
    return [
        Aim(
            f"{page['database']}: {page['page']}, p99 (p50 {page['p50']:.1f} ms, {page['p50'] / page['bare_p50']:.0f} "
            f"times the bare query's {page['bare_p50']:.2f} ms)",
            page["p99"],
            100,
            "ms",
            False,
            False,
        )
        for page in pages
    ]
