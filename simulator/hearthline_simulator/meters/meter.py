"""What all meters share: sleep until there is something to say, say it, and forget it only once it was confirmed."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Final, Generic, TypeVar

import structlog
from bumble import att, hci
from bumble.core import AdvertisingData, BaseError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Service
from bumble.pairing import PairingConfig, PairingDelegate
from pydantic import BaseModel, ConfigDict

from hearthline_protocol.device_time import DeviceTime, DeviceTimeText
from hearthline_simulator.meters.events import MeterEvent, MeterHappening, Report
from hearthline_simulator.meters.gatt_table import BytesCharacteristic, uuid16
from hearthline_simulator.meters.pairing import display_passkey
from hearthline_simulator.meters.spec import MeterSpec
from hearthline_simulator.meters.standard_services import battery, device_information
from hearthline_simulator.meters.wall_clock import WallClock, read_clock
from hearthline_simulator.radio import Radio

log = structlog.get_logger(__name__)

_ADVERTISING_INTERVAL_MS: Final = 30.0
"""The profiles recommend 20 to 30 ms (30 to 50 for the cuff) for the first half minute."""
_DROP_LIMIT_S: Final = 2.0
"""A link that the other side let go of at the same moment is told to nobody."""
_REPLAY_DELAY_S: Final = 0.02
"""A real meter needs at least one connection interval between the subscription's answer and its first record."""
_SUBSCRIBED_TO_INDICATIONS: Final = b"\x02\x00"
_GENERAL: Final = b"\x06"
_LIMITED: Final = b"\x05"
"""Flags: no classic Bluetooth; General or Limited Discoverable Mode (Core Specification Supplement, part A, 1.3)."""


class Record(BaseModel):
    """One measurement to make. Its stamp is ``at`` if given, else the meter's clock, ``minutes_ago`` minutes back."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    at: DeviceTimeText | None = None
    minutes_ago: float = 0.0

    def stamp(self, clock: WallClock) -> DeviceTime:
        """What the meter's clock showed at the measurement."""
        return self.at if self.at is not None else clock.face(self.minutes_ago)


@dataclass(frozen=True, slots=True)
class Kept:
    """A frame in the meter's memory. A stream's frame is notified ``delay_s`` after the one before, unconfirmed."""

    characteristic: BytesCharacteristic
    payload: bytes
    indicated: bool = True
    delay_s: float = 0.0


RecordT = TypeVar("RecordT", bound=Record)


class Meter(ABC, Generic[RecordT]):
    """One meter on the air. :meth:`start` it, then :meth:`measure`; it advertises until its memory is collected."""

    profile: ClassVar[str]
    service: ClassVar[str]
    """The profile's service, as advertised: a 16-bit UUID in hex."""
    record_type: ClassVar[type[Record]]
    guarded: ClassVar[bool] = False
    """Whether measurements want a bonded, encrypted link."""
    hang_up_after_s: ClassVar[float] = 2.0

    def __init__(self, radio: Radio, spec: MeterSpec, report: Report, *, home_zone: tzinfo) -> None:
        self.spec = spec
        offset = datetime.now(home_zone).utcoffset() or timedelta()
        self.clock = WallClock(offset + spec.clock_offset, lost=spec.clock_lost)
        self._radio = radio
        self._report = report
        self._memory: deque[Kept] = deque()
        self._connection: Connection | None = None
        self._session: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._remembered: set[int] = set()
        self._pairing_mode = False
        self._dead = False
        self._dying = False
        self._advertising = asyncio.Lock()
        self._controller = radio.meter(spec.name)
        self._device = self._make_device()
        self._device.add_services(
            [*self._services(), battery(spec.battery_percent), device_information(spec.model, spec.name)]
        )

    @abstractmethod
    def _services(self) -> list[Service]:
        """The profile's own services."""

    @abstractmethod
    def _frames(self, record: RecordT) -> list[Kept]:
        """The record as this profile sends it."""

    @property
    def connected(self) -> bool:
        """Whether somebody is connected."""
        return self._connection is not None

    @property
    def stored(self) -> int:
        """How many frames nobody has confirmed yet."""
        return len(self._memory)

    async def start(self) -> None:
        """Put the batteries in. A held-open meter advertises at once, every other one sleeps."""
        await self._device.power_on()
        if self.spec.held_open:
            await self.advertise()

    async def stop(self) -> None:
        """Take the batteries out: the connection is lost, the memory stays. :meth:`advertise` puts them back."""
        self._dead = True
        await self._stop_advertising()
        connection = self._connection
        if connection is not None:
            await self._drop(connection)
        await self._end_session()

    def die_in_use(self) -> None:
        """Its batteries are almost flat: they last until the next connection of a bonded host is encrypted."""
        self._dying = True

    async def measure(self, *records: RecordT) -> None:
        """Keep the records, oldest first, and advertise until they are collected."""
        for record in records:
            self._memory.extend(self._frames(record))
        self._wake.set()
        if self._connection is None:
            await self.advertise()

    async def measure_values(self, *values: Mapping[str, Any]) -> None:
        """:meth:`measure` from plain tables; raises pydantic's ``ValidationError`` naming a wrong key or value."""
        records: list[RecordT] = [self.record_type.model_validate(table) for table in values]  # type: ignore[misc]
        # record_type is the class behind RecordT; a class variable cannot say so
        await self.measure(*records)

    async def advertise(self) -> None:
        """Advertise until somebody connects, as after a measurement or a press on the pairing button."""
        self._dead = False
        async with self._advertising:
            if self._device.is_advertising or self._connection is not None:
                return
            await self._device.start_advertising()
        self.tell(MeterHappening.ADVERTISING)

    async def enter_pairing_mode(self) -> None:
        """Somebody holds the pairing button: it advertises as one that wants to be found, until it is paired."""
        await self._stop_advertising()
        self._set_pairing_mode(on=True)
        await self.advertise()

    def clear_memory(self) -> None:
        """Delete every record, as its menu offers."""
        self._memory.clear()

    async def forget_bond(self) -> None:
        """Lose every bond, as by a reset: whoever still has one holds a stale one."""
        if self._device.keystore is not None:
            await self._device.keystore.delete_all()
        self._remembered.clear()

    def tell(
        self, event: MeterHappening, characteristic: BytesCharacteristic | None = None, payload: bytes | None = None
    ) -> None:
        """Report a happening at this meter."""
        self._report(
            MeterEvent(
                event,
                self.spec.name,
                datetime.now(UTC),
                None if characteristic is None else characteristic.uuid.to_hex_str(),
                None if payload is None else payload.hex(),
            )
        )

    def clock_written(self, value: bytes) -> None:
        """Somebody set the clock, by a Date Time or a Current Time. What no calendar knows is refused."""
        try:
            self.clock.set(read_clock(value))
        except ValueError as error:
            raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED) from error
        self.tell(MeterHappening.CLOCK_SET)

    def _make_device(self) -> Device:
        spec = self.spec
        device = Device.from_config_with_hci(
            DeviceConfiguration(
                name=spec.name,
                address=hci.Address(spec.address),
                advertising_interval_min=_ADVERTISING_INTERVAL_MS,
                advertising_interval_max=_ADVERTISING_INTERVAL_MS,
            ),
            self._controller,
            self._controller,
        )
        delegate = PairingDelegate() if spec.passkey is None else display_passkey(spec.passkey)
        config = PairingConfig(sc=True, mitm=spec.passkey is not None, bonding=True, delegate=delegate)
        device.pairing_config_factory = lambda _: config
        device.advertising_data = self._advertising_data()
        device.on(Device.EVENT_CONNECTION, self._on_connection)
        return device

    def _advertising_data(self, *more: tuple[int, bytes]) -> bytes:
        """What every advertisement says, and ``more`` fields."""
        name = self.spec.advertised_name or self.spec.name
        return bytes(
            AdvertisingData(
                [
                    (AdvertisingData.Type.FLAGS, _LIMITED if self._pairing_mode else _GENERAL),
                    (AdvertisingData.Type.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS, bytes(uuid16(self.service))),
                    *more,
                    (AdvertisingData.Type.COMPLETE_LOCAL_NAME, name.encode()[:20]),
                ]
            )
        )

    def _has_more_to_say(self) -> bool:
        """Whether it advertises again after a connection."""
        return bool(self._memory)

    def _connection_made(self) -> None:
        """Somebody connected: what a profile forgets between connections is forgotten here."""

    def _watch(self, characteristic: BytesCharacteristic) -> BytesCharacteristic:
        """Hear of subscriptions to a characteristic of ours."""

        def changed(_: object, notify: bool, indicate: bool) -> None:
            if not (notify or indicate):
                self._remembered.discard(characteristic.handle)
                self.tell(MeterHappening.UNSUBSCRIBED, characteristic)
                return
            self._remembered.add(characteristic.handle)
            self.tell(MeterHappening.SUBSCRIBED, characteristic)
            self._wake.set()

        characteristic.on(BytesCharacteristic.EVENT_SUBSCRIPTION, changed)
        return characteristic

    def _on_connection(self, connection: Connection) -> None:
        self._connection = connection
        self._connection_made()
        self.tell(MeterHappening.CONNECTED)
        connection.on(Connection.EVENT_PAIRING, self._on_paired)
        connection.on(Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, lambda: self._on_encryption(connection))
        connection.on(Connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._session = asyncio.get_running_loop().create_task(self._serve(connection), name=f"meter {self.spec.name}")

    def _on_paired(self, _: object) -> None:
        self._set_pairing_mode(on=False)
        self.tell(MeterHappening.PAIRED)

    def _set_pairing_mode(self, *, on: bool) -> None:
        self._pairing_mode = on
        self._device.advertising_data = self._advertising_data()

    def _on_encryption(self, connection: Connection) -> None:
        if self._dying:
            self._dying, self._dead = False, True
            self._last_breath = asyncio.get_running_loop().create_task(self._drop(connection))
            return
        if self.spec.eager and connection.is_encrypted and self._remembered:
            subscriptions = self._device.gatt_server.subscribers.setdefault(connection, {})
            for handle in self._remembered:
                subscriptions.setdefault(handle, _SUBSCRIBED_TO_INDICATIONS)
            self._wake.set()

    def _on_disconnection(self, _: object) -> None:
        self._connection = None
        self.tell(MeterHappening.DISCONNECTED)
        if self._session is not None:
            self._session.cancel()
        self._memory = deque(kept for kept in self._memory if kept.indicated)
        if not self._dead and (self._has_more_to_say() or self.spec.held_open or self._pairing_mode):
            self._readvertise = asyncio.get_running_loop().create_task(self._advertise_again())

    async def _advertise_again(self) -> None:
        try:
            await self.advertise()
        except BaseError as error:
            log.warning("meter_cannot_advertise", meter=self.spec.name, error=str(error))

    async def _stop_advertising(self) -> None:
        async with self._advertising:
            if self._device.is_advertising:
                await self._device.stop_advertising()

    async def _end_session(self) -> None:
        if self._session is not None:
            self._session.cancel()
            await asyncio.gather(self._session, return_exceptions=True)
            self._session = None

    async def _serve(self, connection: Connection) -> None:
        sent = False
        while True:
            kept = self._next(connection)
            if kept is not None:
                await self._send(connection, kept)
                sent = True
                continue
            self._wake.clear()
            if self.spec.held_open or not (sent or self._subscribed_to_any(connection)):
                await self._wake.wait()
                continue
            try:
                async with asyncio.timeout(self.hang_up_after_s):
                    await self._wake.wait()
            except TimeoutError:
                await connection.disconnect()
                return

    async def _drop(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_DROP_LIMIT_S):
                await connection.disconnect(
                    hci.HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR
                )
        except (BaseError, TimeoutError) as error:
            log.debug("meter_already_disconnected", meter=self.spec.name, error=str(error))

    async def _send(self, connection: Connection, kept: Kept) -> None:
        await asyncio.sleep(max(kept.delay_s, _REPLAY_DELAY_S if kept.indicated else 0.0))
        if not self._subscribed(connection, kept):
            return  # whoever had subscribed left meanwhile: nobody would confirm it
        if kept.indicated:
            self.tell(MeterHappening.INDICATED, kept.characteristic, kept.payload)
            await self._device.indicate_subscriber(connection, kept.characteristic, kept.payload)
            self._memory.remove(kept)
            self.tell(MeterHappening.CONFIRMED, kept.characteristic, kept.payload)
        else:
            self._memory.remove(kept)
            await self._device.notify_subscriber(connection, kept.characteristic, kept.payload)
            self.tell(MeterHappening.NOTIFIED, kept.characteristic, kept.payload)

    def _next(self, connection: Connection) -> Kept | None:
        return next((kept for kept in self._memory if self._subscribed(connection, kept)), None)

    def _subscribed(self, connection: Connection, kept: Kept) -> bool:
        value = self._device.gatt_server.subscribers.get(connection, {}).get(kept.characteristic.handle, b"\x00\x00")
        return bool(value[0] & (2 if kept.indicated else 1))

    def _subscribed_to_any(self, connection: Connection) -> bool:
        return any(value[0] for value in self._device.gatt_server.subscribers.get(connection, {}).values())
