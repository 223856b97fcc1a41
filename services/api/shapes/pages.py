"""Pages of long lists: newest first, each page beginning where the one before it ended."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from shared.contracts.errors import InputError
from shared.store.rows.listing import Listed, Span

MOST_ROWS: Final = 500
_EARLIEST: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
_LATEST: Final = datetime.fromisoformat("2200-01-01T00:00:00Z")
_LARGEST_KEY: Final = 2**62

Item = TypeVar("Item")


def _of_our_times(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("Input should be between 1970 and 2200")
    return moment


def _written_out(given: object) -> object:
    # Numbers of seconds or days would be taken too, and nobody means the year 1970.
    if isinstance(given, str) and "-" not in given[1:]:
        raise ValueError("Input should be a time with a zone, such as 2014-05-08T11:45:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_of_our_times)]


class SpanQuery(BaseModel):
    """From when, until when."""

    model_config = ConfigDict(extra="forbid")

    start: Moment | None = Field(
        default=None, alias="from", description="Nothing before this time.", examples=["2014-05-01T00:00:00Z"]
    )
    end: Moment | None = Field(
        default=None, alias="to", description="Nothing at this time or after it.", examples=["2014-05-08T00:00:00Z"]
    )

    def seconds(self) -> tuple[int | None, int | None]:
        """Return both bounds in seconds, each rounded up to the whole second."""
        return _seconds(self.start), _seconds(self.end)


class PageQuery(SpanQuery):
    """Which page of a list, newest first."""

    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows in a page at most.")
    cursor: str | None = Field(default=None, max_length=64, description="`next_cursor` of the previous page.")

    def span(self) -> Span:
        """Return what to read; raise InputError for a cursor that is none of ours."""
        before = None if self.cursor is None else read_cursor(self.cursor)
        start, end = self.seconds()
        return Span(self.limit, before=before, start=start, end=end)


class PairPageQuery(PageQuery):
    """Which page of a list, of one pair or of all."""

    pair: str | None = Field(default=None, max_length=7, description="Only of this pair.", examples=["EUR_USD"])


class CandlesQuery(PageQuery):
    """Which page of a pair's candles."""

    pair: str = Field(max_length=7, description="The pair.", examples=["EUR_USD"])
    granularity: str = Field("M5", max_length=4, description="The length of the candles.", examples=["M5"])


class Page(BaseModel, Generic[Item]):
    """A page of a list, newest first; without `next_cursor` it is the last one."""

    items: list[Item]
    next_cursor: str | None = Field(examples=["MTM5OTU1MDA0MC4zMTc"])


def page(rows: Sequence[Listed[Any]], limit: int, shown: Callable[[Any], Item]) -> Page[Item]:
    """Return the page that these rows make; a full one has a cursor to the next."""
    cursor = written_cursor(rows[-1].time, rows[-1].key) if len(rows) == limit else None
    return Page(items=[shown(each.row) for each in rows], next_cursor=cursor)


def written_cursor(time: int, key: int) -> str:
    """Write the place of a row in its list."""
    return urlsafe_b64encode(f"{time}.{key}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """Read the place of a row in its list; raise InputError for anything else."""
    try:
        time, key = urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)).decode().split(".")
        place = int(time), int(key)
    except (Base64Error, ValueError):
        place = -1, -1
    if not 0 <= place[0] <= _LATEST.timestamp() or not 0 <= place[1] <= _LARGEST_KEY:
        raise InputError("query.cursor: it must be the next_cursor of an earlier page")
    return place


def _seconds(moment: datetime | None) -> int | None:
    # A row at a whole second lies at or after a moment within one only from the next second on.
    return None if moment is None else -int(-moment.timestamp() // 1)
