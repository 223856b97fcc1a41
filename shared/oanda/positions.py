"""The positions of an account: units of the long and of the short side."""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from shared.oanda.connection import OandaConnection
from shared.oanda.decoding import finite, read
from shared.oanda.errors import NO_SUCH_POSITION, OandaRefusedError

_NOT_FOUND: Final = 404


class OandaPosition(NamedTuple):
    """Units of both sides of a pair, negative when short and 0 when flat; only hedging accounts can have both open."""

    pair: str
    long: Decimal
    short: Decimal

    @property
    def is_open(self) -> bool:
        """Return whether any side is open."""
        return bool(self.long or self.short)


class _Side(msgspec.Struct):
    units: Decimal


class _Position(msgspec.Struct):
    instrument: str
    long: _Side
    short: _Side


class _Positions(msgspec.Struct):
    positions: list[_Position]


class _One(msgspec.Struct):
    position: _Position


def open_positions(connection: OandaConnection) -> list[OandaPosition]:
    """Return the positions that are open."""
    listed = connection.ask("/accounts/{accountID}/openPositions", parse_positions)
    return [one for one in listed if one.is_open]


def position_of(connection: OandaConnection, pair: str) -> OandaPosition | None:
    """Return what is open in a pair, None where it is flat or was never traded."""
    try:
        position = connection.ask(f"/accounts/{{accountID}}/positions/{pair}", parse_position)
    except OandaRefusedError as refused:
        if refused.status == _NOT_FOUND and refused.body.code == NO_SUCH_POSITION:
            return None
        raise
    return position if position.is_open else None


def parse_positions(body: object) -> list[OandaPosition]:
    """Read a list of positions; MessageError where the body is none."""
    return [_position(one) for one in read(body, _Positions, "positions").positions]


def parse_position(body: object) -> OandaPosition:
    """Read one position; MessageError where the body is none."""
    return _position(read(body, _One, "position").position)


def _position(fields: _Position) -> OandaPosition:
    return OandaPosition(fields.instrument, finite(fields.long.units, "units"), finite(fields.short.units, "units"))
