"""Xiaomi scales, which nobody connects to: they say each weighing in their advertisements, for minutes.

As openly described by several readers of these scales: service data 0x181D of the first generation (control byte,
weight, date and time), 0x181B of the second (two control bytes, date and time, impedance, weight); the weight counts
0.005 kg, 0.01 lb or 0.01 catty.
"""

import asyncio
import struct
from typing import Any, ClassVar, Final, Literal

from bumble.core import AdvertisingData
from bumble.gatt import Service

from hearthline_simulator.meters.events import MeterHappening
from hearthline_simulator.meters.gatt_table import uuid16
from hearthline_simulator.meters.meter import Kept, Meter, Record
from hearthline_simulator.meters.wall_clock import date_time

_STEPS_PER_UNIT: Final = {"kg": 200, "[lb_av]": 100, "catty": 100}
_POUNDS, _CATTY, _STABLE, _REMOVED, _IMPEDANCE = 0x01, 0x10, 0x20, 0x80, 0x02
_STATE_S: Final = 0.1
"""How long it shows each passing state of a weighing; people take longer."""


class AdvertisedRecord(Record):
    """One weighing in ``unit``; ``impedance`` in ohm is measured where bare feet stood still."""

    weight: float
    unit: Literal["kg", "[lb_av]", "catty"] = "kg"
    impedance: int | None = None


class _AdvertisingScale(Meter[AdvertisedRecord]):
    record_type: ClassVar[type[Record]] = AdvertisedRecord

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._left: bytes | None = None
        super().__init__(*arguments, **options)

    async def measure(self, *records: AdvertisedRecord) -> None:
        """Weigh: whoever stood on it steps off, then each record's states one after the other. The last one, a person
        at rest, stays on the air until :meth:`step_off`."""
        for record in records:
            await self.step_off()
            *moving, at_rest, left = self.states(record)
            for payload in moving:
                await self._say(payload)
                await asyncio.sleep(_STATE_S)
            await self._say(at_rest)
            self._left = left

    async def step_off(self) -> None:
        """Nobody is on it any more: it says the last weight as one of somebody who left."""
        if self._left is not None:
            await self._say(self._left)
            self._left = None
            await asyncio.sleep(_STATE_S)

    def states(self, record: AdvertisedRecord) -> list[bytes]:
        """The service data of a weighing as it goes on, the last once its person has stepped off."""
        raise NotImplementedError

    async def _say(self, payload: bytes) -> None:
        data = (int(AdvertisingData.Type.SERVICE_DATA_16_BIT_UUID), bytes(uuid16(self.service)) + payload)
        async with self._advertising:
            await self._device.start_advertising(advertising_data=self._advertising_data(data))
        self.tell(MeterHappening.ADVERTISING, payload=payload)

    def _services(self) -> list[Service]:
        return []

    def _frames(self, record: AdvertisedRecord) -> list[Kept]:
        raise NotImplementedError("this scale is never connected: it advertises what it measures")


class XiaomiScale(_AdvertisingScale):
    """The first generation: weight alone."""

    profile = "xiaomi_scale"
    service = "181D"

    def states(self, record: AdvertisedRecord) -> list[bytes]:
        stamp = date_time(record.stamp(self.clock))
        steps = round(record.weight * _STEPS_PER_UNIT[record.unit])
        unit = _unit(record)
        return [
            struct.pack("<BH", unit, steps - 40) + stamp,
            struct.pack("<BH", unit | _STABLE, steps) + stamp,
            struct.pack("<BH", unit | _STABLE | _REMOVED, steps) + stamp,
        ]


class XiaomiCompositionScale(_AdvertisingScale):
    """The second generation: weight, then the impedance."""

    profile = "xiaomi_composition_scale"
    service = "181B"

    def states(self, record: AdvertisedRecord) -> list[bytes]:
        stamp = date_time(record.stamp(self.clock))
        steps = round(record.weight * _STEPS_PER_UNIT[record.unit])
        pounds, catty = (_POUNDS if record.unit == "[lb_av]" else 0), (0x40 if record.unit == "catty" else 0)
        states = [(catty, 0, steps - 40), (catty | _STABLE, 0, steps)]
        if record.impedance is not None:
            states.append((catty | _STABLE | _IMPEDANCE, record.impedance, steps))
        last, impedance, _ = states[-1]
        states.append((last | _REMOVED, impedance, steps))
        return [bytes([pounds, control]) + stamp + struct.pack("<HH", ohm, weight) for control, ohm, weight in states]


def _unit(record: AdvertisedRecord) -> int:
    return {"kg": 0, "[lb_av]": _POUNDS, "catty": _CATTY}[record.unit]
