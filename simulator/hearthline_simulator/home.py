"""A home without hardware: meters around one adapter, behind a simulated ``org.bluez`` on a private bus.

As a process, ``python -m hearthline_simulator.home`` takes one JSON command a line and prints one JSON event a line
(:mod:`hearthline_simulator.home_process`); in a test, :class:`SimulatedHome` is used directly.
"""

from collections.abc import Iterable
from datetime import tzinfo
from types import TracebackType
from typing import Final, Self

from hearthline_simulator.bluez.service import SimulatedBluez
from hearthline_simulator.household import Household
from hearthline_simulator.meters.events import Report
from hearthline_simulator.meters.spec import MeterSpec

ADAPTER_ADDRESS: Final = "F2:F2:F2:F2:F2:F2"


class SimulatedHome(Household):
    """Meters and adapter, up inside ``async with``. ``events`` keeps everything that happened, oldest first."""

    def __init__(
        self,
        bus_address: str,
        meters: Iterable[MeterSpec],
        *,
        home_zone: tzinfo | None = None,
        report: Report | None = None,
        adapters: int = 1,
        temporary_timeout_s: float = 30.0,
    ) -> None:
        """``adapters`` is how many there are, from ``hci0`` on."""
        super().__init__(meters, home_zone=home_zone, report=report)
        self._bus_address = bus_address
        self.bluez = SimulatedBluez(
            self.radio,
            ADAPTER_ADDRESS,
            more_addresses=[f"{ADAPTER_ADDRESS[:-2]}{0xF2 + number:02X}" for number in range(1, adapters)],
            temporary_timeout_s=temporary_timeout_s,
        )

    async def __aenter__(self) -> Self:
        await self.bluez.start(self._bus_address)
        await self.start_meters()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop_meters()
        await self.bluez.stop()


if __name__ == "__main__":
    from hearthline_simulator.home_process import main

    main()
