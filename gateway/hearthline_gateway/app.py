"""Wires the gateway together and runs it until it is told to end. The only module that knows every part."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from importlib.metadata import version
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hearthline_gateway.ble.bluez_radio import radio_of
from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.inspection import BluetoothUnseenError, look
from hearthline_gateway.clock import Clock
from hearthline_gateway.configuration_in_force import ConfigurationInForce
from hearthline_gateway.control.messages import ProofStep
from hearthline_gateway.frame_reader import FrameReader
from hearthline_gateway.living_room import LivingRoom
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.outbox.rows import Applied, Pending
from hearthline_gateway.outbox.schema import OutboxError
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_gateway.proof import Proof
from hearthline_gateway.remote_work import RemoteWork
from hearthline_gateway.service_manager import ServiceManager
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.sole_user import sole_user_of
from hearthline_gateway.status import BluetoothStatus, StatusReport
from hearthline_gateway.time_keeper import TimeKeeper
from hearthline_gateway.uplink.mail import Mail
from hearthline_gateway.uplink.schedule import Timing
from hearthline_gateway.uplink.uplink import Uplink
from hearthline_protocol.messages import GatewayStatus

log = structlog.get_logger(__name__)

_PRUNE_EVERY_S: Final = 3600.0
_OUTBOX_RETRY_S: Final = 30.0
_BEGIN_WITHIN_S: Final = 5.0
"""Longer than a sound outbox takes; with a full disk the gateway begins without."""
_LOOK_AT_METERS_S: Final = 1.0
_LOOK_AT_BLUEZ_S: Final = 60.0


async def run(settings: GatewaySettings) -> bool:
    """Run until SIGTERM, SIGINT or a command to restart; then everything heard is in the outbox and the status topic
    says ``offline``. Returns whether it is to be started again."""
    asked_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_end.set)
    try:
        clock = Clock(trust=settings.gateway.trust_clock)
        with sole_user_of(settings.gateway.data_dir):  # before the outbox is opened, which may exchange a damaged file
            async with _outbox(settings, clock) as outbox:
                gateway = Gateway(settings, outbox, clock, asked_to_end)
                await gateway.run()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    log.info("gateway_ended", restart=gateway.to_restart)
    return gateway.to_restart


async def prove(settings: GatewaySettings, within_s: float) -> AsyncIterator[ProofStep]:
    """Do the gateway's part for one marked reading where no gateway runs: no Bluetooth, just outbox and uplink."""

    async def status() -> GatewayStatus:
        return GatewayStatus(state="online", version=version("hearthline"), outbox=await outbox.status())

    with sole_user_of(settings.gateway.data_dir):
        async with _outbox(settings, Clock(trust=settings.gateway.trust_clock)) as outbox:
            uplink = _uplink(settings, outbox, status, Mail())
            kept = ConfigurationInForce(settings.gateway.data_dir, settings.configured_meters)
            kept.load(repair=False)
            proof = Proof(outbox, uplink, sensors=lambda: [meter.address for meter in kept.meters()])
            running = asyncio.create_task(uplink.run(), name="uplink")
            try:
                async for step in proof.run(within_s):
                    yield step
            finally:
                await _ended(running)


class Gateway:
    """The parts of one running gateway."""

    def __init__(self, settings: GatewaySettings, outbox: Outbox, clock: Clock, asked_to_end: asyncio.Event) -> None:
        self.to_restart = False
        self._bluez_version: str | None = None
        self._asked_to_end = asked_to_end
        zone = ZoneInfo(settings.gateway.time_zone)
        self._name = settings.gateway.name
        self._outbox = outbox
        self._begun = asyncio.Event()
        mail = Mail()
        self._report = StatusReport(outbox, self._bluetooth, clock, version=version("hearthline"))
        self._uplink = _uplink(settings, outbox, self._status, mail, self._answered)
        self._service_manager = ServiceManager()
        self._living_room = LivingRoom(
            settings.indicator, zone, now=clock.now, status=self._status, waiting=outbox.pending
        )
        self._remote = RemoteWork(
            settings,
            outbox,
            mail=mail,
            connection=self._uplink,
            status=self._status,
            restart=self._restart,
            now=clock.now,
            show=self._living_room.show,
        )
        self._remote.load()
        reader = FrameReader(zone)
        self._pipeline = Pipeline(outbox, reader, clock, added=self._added)
        self._time_keeper = TimeKeeper(
            outbox,
            reader,
            clock,
            added=self._added,
            reached=self._uplink.connected.is_set,
            patience_s=settings.gateway.wait_for_time_s,
        )
        self._collector = Collector(
            self._remote.configuration.meters(),
            self._pipeline,
            adapters=settings.bluetooth.adapters,
            mend_bonds=settings.bluetooth.mend_bonds,
            max_connections=settings.bluetooth.max_connections,
            home_zone=zone,
            clock_synchronised=lambda: clock.trusted,
            now=clock.now,
            memory=outbox,
        )
        self._remote.attach(radio_of(self._collector), self._collector.set_meters, self._living_room)

    def _added(self, rows: Sequence[Pending]) -> None:
        self._uplink.offer(rows)
        self._living_room.added(rows)

    def _answered(self, applied: Applied) -> None:
        self._living_room.answered(applied)

    def _bluetooth(self) -> BluetoothStatus:
        return self._collector.status()

    async def _status(self) -> GatewayStatus:
        """The report, and what the remote work adds to it."""
        report = await self._report()
        return report.model_copy(
            update={
                "problems": (*report.problems, *self._remote.problems, *filter(None, (self._living_room.problem,))),
                "configuration_revision": self._remote.configuration.reported().revision,
                "bluez_version": report.bluez_version or self._bluez_version,
            }
        )

    def _restart(self) -> None:
        self.to_restart = True
        self._asked_to_end.set()

    async def run(self) -> None:
        """Run every part. They end in the order in which readings flow, so that each can hand on what it has."""
        left = asyncio.create_task(self._read_what_was_left(), name="frames left raw")
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEGIN_WITHIN_S):
                await self._begun.wait()
        log.info("gateway_started", gateway=self._name, outbox=str(self._outbox.path))
        uplink = asyncio.create_task(self._uplink.run(), name="uplink")
        collector = asyncio.create_task(self._collector.run(), name="bluetooth")
        upkeep = asyncio.create_task(self._keep_up(), name="upkeep")
        watch = asyncio.create_task(self._watch_meters(), name="meter status")
        times = asyncio.create_task(self._time_keeper.run(), name="time keeper")
        remote = asyncio.create_task(self._remote.run(), name="remote work")
        bluez = asyncio.create_task(self._learn_bluez_version(), name="BlueZ version")
        room = asyncio.create_task(self._living_room.run(), name="living room")
        service = asyncio.create_task(
            self._service_manager.run(self._service_words, self._outbox.alive), name="service manager"
        )
        ending = asyncio.create_task(self._asked_to_end.wait(), name="end")
        tasks = (remote, bluez, collector, left, upkeep, watch, times, room, service, uplink, ending)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._service_manager.stopping()
            self._outbox.stop_waiting()
            for task in (remote, bluez, collector, left, upkeep, watch, times, room, service):
                await _ended(task)
            await self._close_pipeline()
            await self._time_keeper.close()
            await _ended(uplink)
            await _ended(ending)
        for finished in tasks:
            if not finished.cancelled():
                finished.result()  # a part that ended by itself failed: its error ends the gateway

    def _service_words(self) -> str:
        """For ``systemctl status``."""
        bluetooth = self._collector.status()
        count = len(bluetooth.meters)
        meters = "no meter yet" if not count else "1 meter" if count == 1 else f"{count} meters"
        broker = f"no broker: {self._uplink.problem}" if self._uplink.problem else "broker connected"
        return f"reads {meters}; Bluetooth {bluetooth.adapter}; {broker}"

    async def _read_what_was_left(self) -> None:
        """Decode what a crash left raw, and what a damaged file that was exchanged left so. Without room on the disk
        that waits, and the gateway begins all the same: what its meters say waits in memory."""
        await self._time_keeper.start()
        while True:
            try:
                await self._pipeline.recover()
            except OutboxError as error:
                log.warning("raw_frames_not_read", reason=str(error), retry_in_s=_OUTBOX_RETRY_S)
                await asyncio.sleep(_OUTBOX_RETRY_S)
                continue
            self._begun.set()
            await self._outbox.mended.wait()
            self._outbox.mended.clear()
            self._uplink.status_changed()

    async def _close_pipeline(self) -> None:
        try:
            await self._pipeline.close()
        except OutboxError as error:
            log.error("not_everything_kept", reason=str(error), next_step="measure again once there is room")  # noqa: TRY400 - the reason says it all

    async def _keep_up(self) -> None:
        while True:
            try:
                pruned = await self._outbox.prune()
            except OutboxError as error:
                log.warning("outbox_not_pruned", reason=str(error), retry_in_s=_OUTBOX_RETRY_S)
                await asyncio.sleep(_OUTBOX_RETRY_S)
                continue
            if pruned.too_old or pruned.no_space:
                log.error(
                    "readings_given_up",
                    too_old=pruned.too_old,
                    no_space=pruned.no_space,
                    next_step="look why the backend is not reached; raise outbox.max_megabytes",
                )
            await asyncio.sleep(_PRUNE_EVERY_S)

    async def _learn_bluez_version(self) -> None:
        while self._bluez_version is None:
            with suppress(BluetoothUnseenError):  # the collector says so itself
                version_seen = (await look(try_agent=False)).version
                self._bluez_version = None if version_seen is None else f"{version_seen[0]}.{version_seen[1]}"
            await asyncio.sleep(_LOOK_AT_BLUEZ_S)
        await asyncio.Event().wait()

    async def _watch_meters(self) -> None:
        last = _notable(self._collector.status())
        while True:
            await asyncio.sleep(_LOOK_AT_METERS_S)
            now = _notable(self._collector.status())
            if now != last:
                self._uplink.status_changed()
            last = now


def _notable(status: BluetoothStatus) -> tuple[object, ...]:
    """What a technician wants to see without waiting a minute; not signal strength or the moment of the last word."""
    meters = [(meter.paired, meter.last_reading, meter.battery_percent, meter.problem) for meter in status.meters]
    return (status.adapter, status.adapters, *meters)


def _uplink(
    settings: GatewaySettings,
    outbox: Outbox,
    status: Callable[[], Awaitable[GatewayStatus]],
    mail: Mail,
    answered: Callable[[Applied], None] = lambda _: None,
) -> Uplink:
    return Uplink(
        settings.gateway.name,
        settings.mqtt.broker,
        outbox,
        status,
        mail=mail,
        answered=answered,
        timing=Timing(resend_first=settings.uplink.resend_first_s, resend_max=settings.uplink.resend_max_s),
        batch_readings=settings.uplink.batch_readings,
    )


def _outbox(settings: GatewaySettings, clock: Clock) -> Outbox:
    return Outbox(
        settings.outbox_file,
        retention=_retention(settings),
        now=clock.now,
        linger_s=settings.outbox.linger_ms / 1000,
    )


def _retention(settings: GatewaySettings) -> Retention:
    return Retention(
        stored=timedelta(days=settings.outbox.keep_stored_days),
        rejected=timedelta(days=settings.outbox.keep_rejected_days),
        pending=timedelta(days=settings.outbox.keep_pending_days),
        max_bytes=settings.outbox.max_megabytes * 1024 * 1024,
    )


async def _ended(task: asyncio.Task[object]) -> None:
    """Cancel the task and wait until it has cleaned up; its own error, if any, is raised by the caller."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await asyncio.wait([task])
