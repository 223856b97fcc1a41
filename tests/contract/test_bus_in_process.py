"""The in-process bus does what every bus must."""

import pytest

from shared.bus.in_process import InProcessBus
from tests.contract.bus_contract import BusContract


class TestInProcessBus(BusContract[InProcessBus]):
    """Runs the shared suite."""

    @pytest.fixture
    def bus(self) -> InProcessBus:
        return InProcessBus(max_batch=3)

    def deliver(self, bus: InProcessBus) -> None:
        bus.drain()
