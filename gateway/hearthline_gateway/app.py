"""Wires the gateway together and runs it until it is told to end. The only module that knows every part."""

import asyncio
import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from hearthline_gateway.ble.collector import Collector
from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.clock import clock_synchronised
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_models import model
from hearthline_gateway.outbox.retention import Retention
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.pipeline import Pipeline
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.status import BluetoothStatus, StatusReport
from hearthline_gateway.uplink.schedule import Timing
from hearthline_gateway.uplink.uplink import Uplink

log = structlog.get_logger(__name__)

_PRUNE_EVERY_S: Final = 3600.0
_LOOK_AT_METERS_S: Final = 1.0


async def run(settings: GatewaySettings) -> None:
    """Run until SIGTERM or SIGINT; then everything heard is in the outbox and the status topic says ``offline``."""
    asked_to_end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_end.set)
    try:
        async with Outbox(settings.outbox_file, retention=_retention(settings)) as outbox:
            with _sole_user_of(settings.gateway.data_dir):
                await Gateway(settings, outbox).run_until(asked_to_end)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
    log.info("gateway_ended")


@contextmanager
def _sole_user_of(folder: Path) -> Iterator[None]:
    """Two gateways over one outbox would send everything twice and throw each other off the broker."""
    with (folder / "gateway.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise GatewayError(
                f"another gateway runs with the outbox in {folder}: end it, or give this one its own gateway.data_dir"
            ) from error
        yield


class Gateway:
    """The parts of one running gateway."""

    def __init__(self, settings: GatewaySettings, outbox: Outbox) -> None:
        zone = ZoneInfo(settings.gateway.time_zone)
        self._name = settings.gateway.name
        self._outbox = outbox
        self._uplink = Uplink(
            settings.gateway.name,
            settings.mqtt.broker,
            outbox,
            StatusReport(outbox, self._bluetooth, version=version("hearthline")),
            timing=Timing(resend_first=settings.uplink.resend_first_s, resend_max=settings.uplink.resend_max_s),
            batch_readings=settings.uplink.batch_readings,
        )
        self._pipeline = Pipeline(outbox, zone=zone, added=self._uplink.offer)
        self._collector = Collector(
            [ConfiguredMeter(meter.address, model(meter.model), meter.passkey) for meter in settings.meters],
            self._pipeline,
            adapter=settings.bluetooth.adapter,
            max_connections=settings.bluetooth.max_connections,
            home_zone=zone,
            clock_synchronised=lambda: clock_synchronised() is True,
        )

    def _bluetooth(self) -> BluetoothStatus:
        return self._collector.status()

    async def run_until(self, asked_to_end: asyncio.Event) -> None:
        """Run every part. They end in the order in which readings flow, so that each can hand on what it has."""
        await self._pipeline.recover()
        log.info("gateway_started", gateway=self._name, outbox=str(self._outbox.path))
        uplink = asyncio.create_task(self._uplink.run(), name="uplink")
        collector = asyncio.create_task(self._collector.run(), name="bluetooth")
        upkeep = asyncio.create_task(self._keep_up(), name="upkeep")
        watch = asyncio.create_task(self._watch_meters(), name="meter status")
        ending = asyncio.create_task(asked_to_end.wait(), name="end")
        tasks = (collector, upkeep, watch, uplink, ending)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (collector, upkeep, watch):
                await _ended(task)
            await self._pipeline.close()
            await _ended(uplink)
            await _ended(ending)
        for finished in tasks:
            if not finished.cancelled():
                finished.result()  # a part that ended by itself failed: its error ends the gateway

    async def _keep_up(self) -> None:
        while True:
            pruned = await self._outbox.prune()
            if pruned.too_old or pruned.no_space:
                log.error(
                    "readings_given_up",
                    too_old=pruned.too_old,
                    no_space=pruned.no_space,
                    next_step="look why the backend is not reached; raise outbox.max_megabytes",
                )
            await asyncio.sleep(_PRUNE_EVERY_S)

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
    return (status.adapter, *meters)


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
