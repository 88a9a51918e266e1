"""The whole examination: asks the running gateway where there is one, looks for itself where not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hearthline_gateway.ble.inspection import BluetoothUnseenError, SeenBluetooth, look
from hearthline_gateway.clock import clock_synchronised
from hearthline_gateway.configuration_in_force import ConfigurationInForce
from hearthline_gateway.control.client import ControlError, NotRunningError, talking
from hearthline_gateway.control.messages import GatewayState, ProofStep
from hearthline_gateway.doctor import bluetooth_hop, broker_hop, gateway_hop, internet_hop, meters_hop, store_hop
from hearthline_gateway.doctor.finding import Diagnosis, Finding, State, cause_and_step
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.outbox.overview import outbox_status
from hearthline_gateway.settings import GatewaySettings
from hearthline_protocol.messages import OutboxStatus

_PROOF_WITHIN_S = 10.0
_LOOK_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Senses:
    """What the doctor looks at beside the gateway; replaced in tests."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    free_bytes: Callable[[Path], int] = gateway_hop.free_bytes
    synchronised: Callable[[], bool | None] = clock_synchronised
    rfkill: Path = bluetooth_hop.RFKILL


class Examination:
    """One look at every hop. ``proof`` sends a marked reading through a running gateway."""

    def __init__(self, settings: GatewaySettings, *, proof: bool = True, senses: Senses | None = None) -> None:
        self._settings, self._proof = settings, proof
        self._senses = senses if senses is not None else Senses()
        self._state: GatewayState | None = None
        self._not_reached: str | None = None

    async def findings(self) -> AsyncIterator[Finding]:
        """Each finding as soon as it is known; :meth:`Diagnosis.of` puts them into the order of the road."""
        await self._ask_the_gateway()
        seen = await self._look_at_bluetooth()
        radio = list(self._bluetooth(seen))
        for found in (*self._meters(seen, radio), *radio, *self._gateway()):
            yield found
        way: list[Finding] = []
        async for found in self._way_to_the_broker():
            way.append(found)
            yield found
        clear = not any(found.state is State.BROKEN for found in way)
        async for found in self._store(clear=clear):
            yield found

    async def _ask_the_gateway(self) -> None:
        try:
            async with talking(self._settings.control_socket) as gateway:
                self._state = await gateway.state()
        except NotRunningError:
            return
        except ControlError as error:
            self._not_reached = str(error)

    async def _look_at_bluetooth(self) -> SeenBluetooth | BluetoothUnseenError:
        try:
            async with asyncio.timeout(_LOOK_WITHIN_S):
                return await look(try_agent=self._state is None)
        except BluetoothUnseenError as error:
            return error
        except TimeoutError:
            return BluetoothUnseenError("bluetoothd does not answer: restart it with 'systemctl restart bluetooth'")

    def _bluetooth(self, seen: SeenBluetooth | BluetoothUnseenError) -> list[Finding]:
        blocks = bluetooth_hop.blocked(self._senses.rfkill)
        return list(bluetooth_hop.bluetooth(seen, self._state, self._settings.bluetooth.adapters, blocks))

    def _meters(self, seen: SeenBluetooth | BluetoothUnseenError, radio: list[Finding]) -> list[Finding]:
        works = not any(found.state is State.BROKEN for found in radio)
        if self._state is not None:
            meters = self._state.status.meters
            found = meters_hop.as_the_gateway_says(meters, self._senses.now(), radio_works=works)
        else:
            kept = ConfigurationInForce(self._settings.gateway.data_dir, self._settings.configured_meters)
            try:
                kept.load(repair=False)
            except GatewayError as error:
                return [Finding("meters", "list", State.UNKNOWN, *cause_and_step(str(error)))]
            bonds = None if isinstance(seen, BluetoothUnseenError) else seen.bonds
            found = meters_hop.as_bluetooth_says(kept.meters(), bonds)
        return list(found) or [meters_hop.none_listed()]

    def _gateway(self) -> list[Finding]:
        settings, senses, state = self._settings, self._senses, self._state
        status = None if state is None else state.status.outbox
        waiting = 0 if status is None else status.waiting_for_time
        return [
            Finding("gateway", "settings", State.OK, f"good: gateway {settings.gateway.name}"),
            gateway_hop.process(state, self._not_reached, senses.now()),
            *(gateway_hop.configuration(state) if state is not None else ()),
            gateway_hop.clock(settings, waiting, senses.synchronised),
            gateway_hop.disk(settings.gateway.data_dir, senses.free_bytes),
            *gateway_hop.outbox(settings.outbox_file, status),
        ]

    async def _way_to_the_broker(self) -> AsyncIterator[Finding]:
        address, now = self._settings.mqtt.broker, self._senses.now()
        for found in broker_hop.own_certificate(address, now):
            yield found
        clear = True
        for look_at in (internet_hop.name, internet_hop.reach, lambda where: broker_hop.tls(where, now)):
            found = await look_at(address)
            yield found
            if found.state is State.BROKEN:
                clear = False
                break
        if self._state is not None and (clear or self._state.uplink_connected):
            yield broker_hop.as_the_gateway_says(self._state, address)
        elif clear and self._not_reached is None:
            yield await broker_hop.as_the_gateway(self._settings)
        else:
            yield Finding("broker", "MQTT", State.UNKNOWN, "what is before it has to work first")

    async def _store(self, *, clear: bool) -> AsyncIterator[Finding]:
        outbox = self._outbox()
        if outbox is None:
            yield Finding("store", "receipts", State.UNKNOWN, "nothing was sent yet: the gateway has not run")
            return
        overdue = store_hop.receipts(outbox, self._state, self._senses.now())
        if not clear and overdue.state is State.BROKEN:
            yield Finding("store", "receipts", State.UNKNOWN, f"{overdue.words} What is before it has to work first")
            return
        yield overdue
        if overdue.state is State.OK and clear and self._proof and self._state is not None:
            last = await self._prove()
            if last is not None:
                yield store_hop.proved(last)

    def _outbox(self) -> OutboxStatus | None:
        if self._state is not None and self._state.status.outbox is not None:
            return self._state.status.outbox
        try:
            return outbox_status(self._settings.outbox_file)
        except GatewayError:  # named by the gateway's own check
            return None

    async def _prove(self) -> ProofStep | None:
        last: ProofStep | None = None
        try:
            async with talking(self._settings.control_socket) as gateway:
                async for step in gateway.prove(_PROOF_WITHIN_S):
                    last = step
        except (ControlError, NotRunningError) as error:
            return ProofStep(hop="gateway", passed=False, words=str(error), seconds=0)
        return last


async def diagnose(examination: Examination, progress: Callable[[Finding], None]) -> Diagnosis:
    """Run it to its end; ``progress`` is told of each finding as it comes."""
    findings = []
    async for found in examination.findings():
        progress(found)
        findings.append(found)
    return Diagnosis.of(findings)
