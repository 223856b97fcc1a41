"""Column types that keep times and decimal figures exact on SQLite and PostgreSQL alike."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import Date, DateTime, Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.contracts.errors import InvariantError
from shared.contracts.granularity import SECONDS_BY_NAME, granularity_name
from shared.contracts.times import EPOCH_ORDINAL, format_day, format_time, parse_time

Value = TypeVar("Value")


class _Kept(TypeDecorator[Value], Generic[Value]):
    """A value that is text on SQLite and may have a type of its own on PostgreSQL; errors call it `what`."""

    impl = Text
    what: ClassVar[str]
    on_postgresql: ClassVar[TypeEngine[Any] | None] = None

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the database at hand."""
        native = self.on_postgresql if dialect.name == "postgresql" else None
        return self.impl_instance if native is None else dialect.type_descriptor(native)

    def process_bind_param(self, value: Value | None, dialect: Dialect) -> object:
        """Return what the driver is given."""
        if value is None:
            return None
        return self._native(value) if dialect.name == "postgresql" else self._written(value)

    def process_result_value(self, value: Any, _dialect: Dialect) -> Value | None:
        """Return what was stored; raises InvariantError where that cannot be."""
        try:
            return None if value is None else self._read(value)
        except (ValueError, KeyError) as fault:
            raise InvariantError(f"a stored {self.what} is damaged: {fault}") from fault

    def _native(self, value: Value) -> object:
        return self._written(value)

    def _written(self, value: Value) -> object:
        return value

    def _read(self, value: Any) -> Value:
        raise NotImplementedError


class UtcTime(_Kept[int]):
    """Seconds since the epoch; text `YYYY-MM-DDTHH:MM:SSZ` on SQLite, timestamptz on PostgreSQL."""

    cache_ok = True
    what = "time"
    on_postgresql = DateTime(timezone=True)

    def _native(self, value: int) -> datetime:
        return datetime.fromtimestamp(value, UTC)

    def _written(self, value: int) -> str:
        return format_time(value)

    def _read(self, value: Any) -> int:
        if isinstance(value, datetime) and not value.microsecond:
            return int(value.timestamp())
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a whole second")
        return parse_time(value)


class WrittenTime(_Kept[str]):
    """A time that anybody may write with plain SQL; read as text, `YYYY-MM-DDTHH:MM:SSZ` where it makes sense.

    Text on SQLite, where a time without a zone is UTC; timestamptz on PostgreSQL. Programs write seconds.
    """

    cache_ok = True
    what = "time"
    on_postgresql = DateTime(timezone=True)

    def _native(self, value: object) -> object:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) else value

    def _written(self, value: object) -> object:
        return format_time(value) if isinstance(value, int) else value

    def _read(self, value: Any) -> str:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return format_time(int(moment.timestamp()))
        except (ValueError, OverflowError):
            return str(value)


class UtcInstant(_Kept[float]):
    """Seconds since the epoch with their fraction, as the database's clock gives them.

    Text `YYYY-MM-DDTHH:MM:SS.SSSZ` on SQLite, timestamptz on PostgreSQL; programs read it and never write it.
    """

    cache_ok = True
    what = "instant"
    on_postgresql = DateTime(timezone=True)

    def _read(self, value: Any) -> float:
        if isinstance(value, str) and value.endswith("Z"):
            return datetime.fromisoformat(value).timestamp()
        if not isinstance(value, datetime):
            raise ValueError(f"{value!r} is not a time in UTC")
        return value.timestamp()


class TradingDay(_Kept[int]):
    """Days since 1970-01-01; text `YYYY-MM-DD` on SQLite, date on PostgreSQL."""

    cache_ok = True
    what = "trading day"
    on_postgresql = Date()

    def _native(self, value: int) -> date:
        return date.fromordinal(value + EPOCH_ORDINAL)

    def _written(self, value: int) -> str:
        return format_day(value)

    def _read(self, value: Any) -> int:
        day = value if isinstance(value, date) else date.fromisoformat(str(value))
        return day.toordinal() - EPOCH_ORDINAL


class Granularity(_Kept[int]):
    """The length of a candle in seconds; its name, such as `M5`, in the database."""

    cache_ok = True
    what = "granularity"

    def _written(self, value: int) -> str:
        return granularity_name(value)

    def _read(self, value: Any) -> int:
        return SECONDS_BY_NAME[value]


class ExactDecimal(_Kept[str]):
    """A decimal figure as text such as `1.38686`; kept as written on SQLite, NUMERIC on PostgreSQL."""

    cache_ok = True
    what = "figure"
    on_postgresql = Numeric(asdecimal=True)

    def _native(self, value: str) -> Decimal:
        return Decimal(value)

    def _read(self, value: Any) -> str:
        return format(value, "f") if isinstance(value, Decimal) else str(value)
