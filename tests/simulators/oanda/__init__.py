"""A local server that behaves like OANDA's v20 interface, on a market made of candle files, with faults on demand.

A bar consists of quotes that touch its open, extremes and close, so whatever lies inside a bar is met on the stream
as well. `from` stands for the bar that covers it, `to` is the first moment that is not wanted.

Left out: bars by week and month, smoothing and bars finer than the series (400 with a text that says so); resting
orders and the stops of trades exist but are never triggered; financing; the stream of transactions; replacing and
cancelling orders; limits on the number of streams. Texts and bodies that nobody has recorded are our own: those of
404 for an unknown path, 405, 416, 429, 500 and 503, a `from` in the future, and a `to` before `from`.
"""

from tests.simulators.oanda.clock import VirtualClock
from tests.simulators.oanda.faults import OUTAGES, BarKey, Faults, ResponseFault, StreamFault
from tests.simulators.oanda.forms import RecordedRequest
from tests.simulators.oanda.service import CandleKey
from tests.simulators.oanda.simulator import Address, OandaSimulator
from tests.simulators.oanda.ticks import Tick

__all__ = [
    "OUTAGES",
    "Address",
    "BarKey",
    "CandleKey",
    "Faults",
    "OandaSimulator",
    "RecordedRequest",
    "ResponseFault",
    "StreamFault",
    "Tick",
    "VirtualClock",
]
