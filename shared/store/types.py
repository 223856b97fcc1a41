"""Column types that keep times and decimal figures exact on SQLite and PostgreSQL alike."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from sqlalchemy import Date, DateTime, Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from shared.contracts.errors import InvariantError
from shared.contracts.granularity import SECONDS_BY_NAME, granularity_name
from shared.contracts.times import EPOCH_ORDINAL, format_day, format_time, parse_time

_POSTGRESQL: Final = "postgresql"


class UtcTime(TypeDecorator[int]):
    """Seconds since the epoch; text `YYYY-MM-DDTHH:MM:SSZ` on SQLite, timestamptz on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[datetime]:
        """Return the type of the database at hand."""
        if dialect.name == _POSTGRESQL:
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> object:
        """Return what the driver is given."""
        if value is None:
            return None
        if dialect.name == _POSTGRESQL:
            return datetime.fromtimestamp(value, UTC)
        return format_time(value)

    def process_result_value(self, value: object, _dialect: Dialect) -> int | None:
        """Return seconds; raises InvariantError for a stored time that is not a whole second in UTC."""
        match value:
            case None:
                return None
            case datetime() if not value.microsecond:
                return int(value.timestamp())
            case str():
                try:
                    return parse_time(value)
                except ValueError as fault:
                    raise InvariantError(f"a stored time is damaged: {fault}") from fault
        raise InvariantError(f"a stored time is damaged: {value!r} is not a whole second")


class WrittenTime(TypeDecorator[str]):
    """A time that anybody may write with plain SQL; read as text, `YYYY-MM-DDTHH:MM:SSZ` where it makes sense.

    Text on SQLite, where a time without a zone is UTC; timestamptz on PostgreSQL. Programs write seconds.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[datetime]:
        """Return the type of the database at hand."""
        if dialect.name == _POSTGRESQL:
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: object, dialect: Dialect) -> object:
        """Return what the driver is given."""
        if not isinstance(value, int):
            return value
        if dialect.name == _POSTGRESQL:
            return datetime.fromtimestamp(value, UTC)
        return format_time(value)

    def process_result_value(self, value: object, _dialect: Dialect) -> str | None:
        """Return the time in its one form, or the text as it is."""
        if value is None:
            return None
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            return format_time(int(moment.timestamp()))
        except (ValueError, OverflowError):
            return str(value)


class UtcInstant(TypeDecorator[float]):
    """Seconds since the epoch with their fraction, as the database's clock gives them.

    Text `YYYY-MM-DDTHH:MM:SS.SSSZ` on SQLite, timestamptz on PostgreSQL; programs read it and never write it.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[datetime]:
        """Return the type of the database at hand."""
        if dialect.name == _POSTGRESQL:
            return dialect.type_descriptor(DateTime(timezone=True))
        return dialect.type_descriptor(Text())

    def process_result_value(self, value: object, _dialect: Dialect) -> float | None:
        """Return seconds; raises InvariantError for a stored instant that is none."""
        match value:
            case None:
                return None
            case datetime():
                return value.timestamp()
            case str() if value.endswith("Z"):
                try:
                    return datetime.fromisoformat(value).timestamp()
                except ValueError as fault:
                    raise InvariantError(f"a stored instant is damaged: {fault}") from fault
        raise InvariantError(f"a stored instant is damaged: {value!r} is not a time in UTC")


class TradingDay(TypeDecorator[int]):
    """Days since 1970-01-01; text `YYYY-MM-DD` on SQLite, date on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[date]:
        """Return the type of the database at hand."""
        if dialect.name == _POSTGRESQL:
            return dialect.type_descriptor(Date())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: int | None, dialect: Dialect) -> object:
        """Return what the driver is given."""
        if value is None:
            return None
        if dialect.name == _POSTGRESQL:
            return date.fromordinal(value + EPOCH_ORDINAL)
        return format_day(value)

    def process_result_value(self, value: object, _dialect: Dialect) -> int | None:
        """Return the day number; raises InvariantError for a stored day that is none."""
        match value:
            case None:
                return None
            case date():
                return value.toordinal() - EPOCH_ORDINAL
            case str():
                try:
                    return date.fromisoformat(value).toordinal() - EPOCH_ORDINAL
                except ValueError as fault:
                    raise InvariantError(f"a stored trading day is damaged: {fault}") from fault
        raise InvariantError(f"a stored trading day is damaged: {value!r}")


class Granularity(TypeDecorator[int]):
    """The length of a candle in seconds; its name, such as `M5`, in the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, _dialect: Dialect) -> str | None:
        """Return the name."""
        return None if value is None else granularity_name(value)

    def process_result_value(self, value: str | None, _dialect: Dialect) -> int | None:
        """Return seconds; raises InvariantError for a stored granularity that is none."""
        if value is None:
            return None
        if value not in SECONDS_BY_NAME:
            raise InvariantError(f"a stored granularity is damaged: {value!r}")
        return SECONDS_BY_NAME[value]


class ExactDecimal(TypeDecorator[str]):
    """A decimal figure as text such as `1.38686`; kept as written on SQLite, NUMERIC on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str] | TypeEngine[Decimal]:
        """Return the type of the database at hand."""
        if dialect.name == _POSTGRESQL:
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> object:
        """Return what the driver is given."""
        if value is None or dialect.name != _POSTGRESQL:
            return value
        return Decimal(value)

    def process_result_value(self, value: object, _dialect: Dialect) -> str | None:
        """Return the figure as text with the decimals it was written with."""
        if isinstance(value, Decimal):
            return format(value, "f")
        return None if value is None else str(value)
