"""What OANDA says: hosts, token, account, clock, instruments and prices, each as far as the one before allows."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from services.inspection.doctor.findings import CheckGroup, Limits, Report
from services.inspection.doctor.reaching import unreachable_of
from shared.calendar.market_hours import is_market_open
from shared.contracts.errors import InputError
from shared.contracts.granularity import parse_granularity
from shared.contracts.pairs import parse_pair
from shared.contracts.times import format_time
from shared.core.types import SECONDS_PER_DAY, Instrument
from shared.oanda.account import OandaInstrument, account_ids, account_instruments, account_summary, unlike_listed
from shared.oanda.connection import OandaConnection
from shared.oanda.environment import Environment, check_account_id
from shared.oanda.errors import OandaRefusedError, OandaUnavailableError
from shared.oanda.pricing import ClientPrice, PriceSnapshot, prices
from shared.oanda.times import NANOSECONDS_PER_SECOND
from shared.runtime.oanda_access import connect, given_address
from shared.settings.network import way_out
from shared.settings.settings import Settings
from shared.web.client import trusted

CREDENTIALS: Final = "OANDA credentials"
ACCOUNT_ID: Final = "OANDA account id"
REST_HOST: Final = "OANDA host"
STREAM_HOST: Final = "OANDA stream host"
TOKEN: Final = "OANDA token"  # noqa: S105 - the name of a check
ACCOUNT: Final = "OANDA account"
INSTRUMENTS: Final = "OANDA instruments"
CLOCK: Final = "clock"
PRICES: Final = "OANDA prices"
CHECKS: Final = (CREDENTIALS, ACCOUNT_ID, REST_HOST, STREAM_HOST, TOKEN, ACCOUNT, INSTRUMENTS, CLOCK, PRICES)
_WARNING_SKEW_SECONDS: Final = 5.0
_PROBLEM_SKEW_SECONDS: Final = 60.0
_HOUR_SECONDS: Final = 3600
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
_SERVER_FAULTS: Final = 500


def oanda_section(settings: Settings, pairs: Sequence[str], clock: Callable[[], float], limits: Limits) -> CheckGroup:
    """Return the checks of OANDA for these pairs."""

    def examine(report: Report) -> None:
        _Examination(settings=settings, pairs=pairs, clock=clock, limits=limits, report=report).run()

    return CheckGroup(CHECKS, examine)


class _Examination:
    def __init__(
        self, settings: Settings, pairs: Sequence[str], clock: Callable[[], float], limits: Limits, report: Report
    ) -> None:
        self._settings = settings
        self._runtime = settings.runtime
        self._pairs = [settings.instrument(parse_pair(pair)) for pair in pairs]
        self._clock = clock
        self._limits = limits
        self._report = report

    def run(self) -> None:
        report = self._report
        if not self._credentials():
            report.skip(CHECKS, "no OANDA_API_KEY")
            return
        account_fits = report.judge(ACCOUNT_ID, self._account_id)
        if not self._hosts():
            report.skip(CHECKS, f"the {REST_HOST} cannot be reached")
            return
        limits = self._limits
        try:
            connection = connect(
                self._settings,
                self._clock,
                answer_seconds=limits.answer_seconds,
                patience_seconds=limits.patience_seconds,
            )
        except InputError as fault:
            report.problem(TOKEN, str(fault))
            report.skip(CHECKS, f"the {TOKEN} cannot be used")
            return
        with connection:
            self._ask(connection, account_fits)

    def _credentials(self) -> bool:
        """Return whether there is a token to go on with."""
        report, runtime = self._report, self._runtime
        if runtime.oanda_api_key is None:
            report.skip((CREDENTIALS,), "no OANDA_API_KEY; live candles need it, paper runs of files do not")
            return False
        if runtime.oanda_account_id is None:
            report.problem(CREDENTIALS, "OANDA_ACCOUNT_ID is not set: give the id of an account that the token may use")
        else:
            report.ok(CREDENTIALS, f"token and account id are set, for the {runtime.oanda_env} environment")
        return True

    def _account_id(self) -> None:
        account = self._runtime.oanda_account_id
        if account is None:
            self._report.skip((ACCOUNT_ID,), "no OANDA_ACCOUNT_ID")
            return
        check_account_id(account.get_secret_value(), Environment(self._runtime.oanda_env))
        self._report.ok(ACCOUNT_ID, f"the account id belongs to the {self._runtime.oanda_env} environment")

    def _hosts(self) -> bool:
        """Return whether requests can be made; the stream's host is only told of."""
        report = self._report
        try:
            address, way = given_address(self._runtime), way_out(self._settings)
            trusted(way)
        except InputError as fault:
            report.problem(REST_HOST, str(fault))
            return False
        whys = unreachable_of(address, self._limits.connect_seconds, way)
        for check, url in zip((REST_HOST, STREAM_HOST), address, strict=True):
            why = whys[url]
            if why is None:
                report.ok(check, f"{url} can be reached")
            else:
                report.problem(check, why)
        return whys[address.rest_url] is None

    def _ask(self, connection: OandaConnection, account_fits: bool) -> None:
        report = self._report
        if not self._answered(TOKEN, partial(self._token, connection)):
            report.skip(CHECKS, f"the {TOKEN} was not accepted")
            return
        if not account_fits or self._runtime.oanda_account_id is None:
            report.skip(CHECKS, f"there is no usable {ACCOUNT_ID}")
            return
        if not self._answered(ACCOUNT, partial(self._account, connection)):
            report.skip(CHECKS, f"the {ACCOUNT} cannot be used")
            return
        listed: dict[str, OandaInstrument] = {}
        self._answered(INSTRUMENTS, partial(self._instruments, connection, listed))
        self._look_at_prices(connection, listed)

    def _answered(self, check: str, look: Callable[[], None]) -> bool:
        def plainly() -> None:
            try:
                look()
            except OandaUnavailableError as fault:
                self._report.problem(check, unavailable_in_words(fault, self._runtime.oanda_env))

        return self._report.judge(check, plainly)

    def _token(self, connection: OandaConnection) -> None:
        count = len(account_ids(connection))
        self._report.ok(TOKEN, f"the token is accepted and may use {count} account{'' if count == 1 else 's'}")

    def _account(self, connection: OandaConnection) -> None:
        try:
            summary = account_summary(connection)
        except OandaRefusedError as fault:
            if fault.status != _FORBIDDEN:
                raise
            self._report.problem(
                ACCOUNT,
                "the token has no access to this account (HTTP 403): set OANDA_ACCOUNT_ID to an account of the "
                "token's owner",
            )
            return
        self._report.ok(ACCOUNT, f"the token may use the account, whose currency is {summary.currency}")

    def _instruments(self, connection: OandaConnection, listed: dict[str, OandaInstrument]) -> None:
        listed |= account_instruments(connection)
        wrong = [why for pair in self._pairs if (why := _unlike(pair, listed.get(pair.name)))]
        if wrong:
            self._report.problem(INSTRUMENTS, f"{'; '.join(wrong)}: leave these pairs out")
        else:
            names = ", ".join(pair.name for pair in self._pairs)
            self._report.ok(INSTRUMENTS, f"the account trades {names} with the decimals that this program expects")

    def _look_at_prices(self, connection: OandaConnection, listed: dict[str, OandaInstrument]) -> None:
        """Ask for prices once, and judge by them the clock and the prices themselves."""
        report = self._report
        asked = [pair for pair in self._pairs if not listed or pair.name in listed]
        if not asked:
            report.skip((CLOCK, PRICES), "the account trades none of the pairs")
            return

        def ask() -> None:
            before = self._clock()
            snapshot = prices(connection, asked)
            self._judge_clock(snapshot, (before + self._clock()) / 2)
            self._judge_prices(snapshot, [pair.name for pair in asked])

        if not self._answered(PRICES, ask):
            report.skip((CLOCK,), f"no {PRICES}, which carry OANDA's time")

    def _judge_clock(self, snapshot: PriceSnapshot, local_seconds: float) -> None:
        report = self._report
        if snapshot.time_nanoseconds is None:
            report.skip((CLOCK,), "OANDA sent prices without its time")
            return
        skew = local_seconds - snapshot.time_nanoseconds / NANOSECONDS_PER_SECOND
        size, way = abs(skew), "ahead of" if skew > 0 else "behind"
        told = f"this machine's clock is {span_in_words(size)} {way} OANDA's"
        mend = "set it with a time server (NTP)"
        if size > _PROBLEM_SKEW_SECONDS:
            report.problem(CLOCK, f"{told}, so candles would seem late or from the future: {mend}")
        elif size > _WARNING_SKEW_SECONDS:
            report.warn(CLOCK, f"{told}: {mend}")
        else:
            report.ok(CLOCK, told)

    def _judge_prices(self, snapshot: PriceSnapshot, asked: Sequence[str]) -> None:
        report = self._report
        now = self._clock() if snapshot.time_nanoseconds is None else snapshot.time_nanoseconds / NANOSECONDS_PER_SECOND
        by_pair = {quote.pair: quote for quote in snapshot.quotes}
        live = self._settings.live
        stale_seconds = live.stale_candles * parse_granularity(live.granularity)
        is_open = is_market_open(int(now))
        told = [_price_told(pair, by_pair.get(pair), now, stale_seconds if is_open else None) for pair in asked]
        wrong = [*(sentence for sentence, is_wrong in told if is_wrong), *snapshot.unreadable]
        if wrong:
            report.warn(
                PRICES,
                f"{'; '.join(wrong)}: nothing is traded on such prices; wait (OANDA pauses daily around 17:00 in New "
                "York), or see OANDA's status page",
            )
            return
        closed = "" if is_open else " (the market is closed)"
        report.ok(PRICES, f"{'; '.join(sentence for sentence, _ in told)}{closed}")


def span_in_words(seconds: float) -> str:
    """Return a span of time in the unit that fits its size."""
    for unit, name in ((2 * SECONDS_PER_DAY, "days"), (2 * _HOUR_SECONDS, "h")):
        if seconds >= unit:
            return f"{seconds / (unit / 2):,.1f} {name}"
    return f"{seconds:.1f} s"


def unavailable_in_words(fault: OandaUnavailableError, environment: str) -> str:
    """Return in plain words what it means that OANDA gave no usable answer, and what to do."""
    match fault.status:
        case None:
            return (
                f"OANDA's {environment} host accepts connections but does not answer in time: check the network, look "
                "for a proxy in between, and see OANDA's status page"
            )
        case 200:
            return (
                f"a web page came instead of data from OANDA's {environment} host, or data that cannot be read: it is "
                "under maintenance, or a proxy or login page is in between; try again later"
            )
        case status if status == _TOO_MANY:
            return (
                "OANDA says that this address sends too many requests (HTTP 429): stop other programs that use it, and "
                "wait"
            )
        case status if status < _SERVER_FAULTS:
            return (
                f"HTTP {status} with a web page came instead of OANDA's answer: check OANDA_REST_URL, and look for a "
                "proxy or login page in between"
            )
        case status:
            return (
                f"OANDA's {environment} host answers HTTP {status} instead of data, as during maintenance (often on "
                "weekends) or an outage: wait, and see OANDA's status page"
            )


def _unlike(each: Instrument, found: OandaInstrument | None) -> str | None:
    if found is None:
        return f"this account does not trade {each.name}"
    try:
        return unlike_listed(each, found)
    except InputError as fault:
        return str(fault)


def _price_told(pair: str, quote: ClientPrice | None, now: float, stale_seconds: int | None) -> tuple[str, bool]:
    """Return in words how old a price is and whether that is wrong; `stale_seconds` is None in a closed market."""
    if quote is None:
        return f"OANDA sends no price for {pair}", True
    time = quote.time_nanoseconds // NANOSECONDS_PER_SECOND
    age = max(0.0, now - quote.time_nanoseconds / NANOSECONDS_PER_SECOND)
    if stale_seconds is None:
        return f"the last price of {pair} is from {format_time(time)}", False
    if age > stale_seconds:
        return f"the newest price of {pair} is {span_in_words(age)} old although the market should be open", True
    if not quote.tradeable:
        return f"OANDA does not trade {pair} now although the market should be open", True
    return f"the newest price of {pair} is {span_in_words(age)} old", False
