"""The configuration this gateway follows: keeps it over reboots, has it carried out, and reports it.

Kept as one JSON file beside the outbox, so that the meters hold after a reboot without a network.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.durable_file import set_aside, write_durably
from hearthline_gateway.errors import GatewayError
from hearthline_gateway.meter_list import MeterList
from hearthline_gateway.meter_models import models
from hearthline_protocol.configuration import (
    DesiredConfiguration,
    IndicatorWanted,
    MeterInForce,
    MeterWanted,
    ReportedConfiguration,
)
from hearthline_protocol.readings import Address, Instant

log = structlog.get_logger(__name__)

FILE_NAME: Final = "configuration.json"
SCHEMA: Final = 1
"""The newest desired configuration that this gateway understands."""
_FORGET_AGAIN_S: Final = 60.0
_PROBLEM_LENGTH: Final = 300


class ConfigurationError(GatewayError):
    """A meter cannot be listed or taken off the list here; the message says where it can."""


class _Kept(BaseModel):
    """What the file holds. ``to_forget`` are meters that are no longer read and whose bond is still there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    meters: MeterList = MeterList()
    applied_time: Instant | None = None
    to_forget: tuple[Address, ...] = ()


class ConfigurationInForce:
    """Use :meth:`load` once, then run :meth:`run` beside the gateway; the hooks are told of everything that changes.

    ``carry_out`` takes the meters to read, ``report`` the configuration to publish, ``show`` how the indicator is to
    behave (None: as the settings say), ``forget`` removes a meter's bond.
    """

    def __init__(
        self,
        folder: Path,
        file_meters: Sequence[ConfiguredMeter],
        *,
        carry_out: Callable[[Sequence[ConfiguredMeter]], None] = lambda _: None,
        report: Callable[[ReportedConfiguration], None] = lambda _: None,
        show: Callable[[IndicatorWanted | None], None] = lambda _: None,
        forget: Callable[[str], Awaitable[object]] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._path = folder / FILE_NAME
        self._file = {meter.address: meter for meter in file_meters}
        self._carry_out, self._report, self._show, self._forget = carry_out, report, show, forget
        self._now = now
        self._kept = _Kept()
        self._refused: str | None = None
        self._damaged: str | None = None
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._forget_due = asyncio.Event()

    def load(self, *, repair: bool = True) -> None:
        """Take up what was kept. A damaged file is set aside, which the report then says; without ``repair`` it is left
        where it is. Raises :class:`ConfigurationError` where it may not be read."""
        try:
            self._kept = _Kept.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            pass
        except (ValidationError, UnicodeDecodeError) as error:
            if not repair:
                return
            aside = set_aside(self._path, self._now().strftime("%Y%m%dT%H%M%S"))
            self._damaged = (
                f"The kept configuration was damaged and is set aside as {aside.name}. Meters paired on the spot have "
                "to be paired again; the backend's list comes by itself."
            )
            log.warning("configuration_damaged", aside=str(aside), error=type(error).__name__)
        except OSError as error:
            raise ConfigurationError(
                f"{self._path} cannot be read ({error.strerror}): let the gateway's user read and write it"
            ) from error
        self._forget_due.set()

    def meters(self) -> tuple[ConfiguredMeter, ...]:
        """The meters to read now. One whose model this release does not know is left out, and reported."""
        return tuple(
            self._file[meter.address]
            if meter.origin == "file"
            else ConfiguredMeter(meter.address, models()[meter.model])
            for meter in self._in_force()
            if meter.origin == "file" or meter.model in models()
        )

    def lists(self, address: str) -> bool:
        """Whether this meter is read."""
        return any(meter.address == address for meter in self._in_force())

    @property
    def indicator(self) -> IndicatorWanted | None:
        """How the backend wants the indicator; None leaves it to the settings."""
        configuration = self._kept.meters.configuration
        return None if configuration is None else configuration.indicator

    def reported(self) -> ReportedConfiguration:
        """What is in force, and why a newer revision is not."""
        unknown = sorted({meter.model for meter in self._in_force()} - set(models()))
        lacking = f"Unknown model {', '.join(unknown)}: update this gateway, or change the model." if unknown else None
        problem = " ".join(filter(None, (self._refused, lacking, self._damaged)))
        return ReportedConfiguration(
            revision=self._kept.meters.revision or None,
            applied_time=self._kept.applied_time,
            meters=tuple(_with_device(meter) for meter in self._in_force()),
            indicator=self.indicator,
            problem=problem[:_PROBLEM_LENGTH] or None,
        )

    def received(self, payload: bytes, _retained: bool) -> None:
        """The backend's word arrived; it is looked at in :meth:`run`."""
        self._arrived.put_nowait(payload)

    async def run(self) -> None:
        """Carry out what was kept, then whatever arrives, until cancelled."""
        self._tell()
        forgetting = asyncio.create_task(self._forget_bonds(), name="forget bonds")
        try:
            while True:
                await self.desired(await self._arrived.get())
        finally:
            forgetting.cancel()
            await asyncio.gather(forgetting, return_exceptions=True)

    async def desired(self, payload: bytes) -> None:
        """Apply the backend's configuration, or report why not."""
        async with self._turn:
            self._refused = None
            if payload:  # an empty one only clears the retained message
                try:
                    await self._apply(_understood(payload))
                except ConfigurationError as error:
                    self._refused = str(error)
                    log.warning("configuration_not_applied", reason=str(error))
            self._tell()

    async def _apply(self, wanted: DesiredConfiguration) -> None:
        if wanted.revision <= self._kept.meters.revision:
            log.info("configuration_not_newer", revision=wanted.revision, in_force=self._kept.meters.revision)
            return
        await self._keep(self._kept.meters.configured(wanted), applied=True)
        log.info("configuration_applied", revision=wanted.revision, meters=len(wanted.meters))

    async def pair(self, address: str, model: str) -> None:
        """A technician paired this meter: it is read from now on. Raises :class:`ConfigurationError`."""
        async with self._turn:
            self.may_pair(address, model)
            await self._keep(self._kept.meters.paired(address, model))
            self._tell()

    def may_pair(self, address: str, model: str) -> None:
        """Raises :class:`ConfigurationError` where the meter is listed as another model by one who goes first."""
        listed = next((meter for meter in self._in_force() if meter.address == address), None)
        if listed is not None and listed.origin != "paired" and listed.model != model:
            place = "the settings file" if listed.origin == "file" else "the backend"
            raise ConfigurationError(f"{place} lists {address} as {listed.model}: pair it as that, or change it there")

    async def unpair(self, address: str) -> None:
        """This meter is not read any more. Raises :class:`ConfigurationError`."""
        async with self._turn:
            self.may_unpair(address)
            await self._keep(self._kept.meters.unpaired(address), forget=False)
            self._tell()

    def may_unpair(self, address: str) -> None:
        """Raises :class:`ConfigurationError` where the meter is not listed, or the settings file lists it."""
        if address in self._file:
            raise ConfigurationError(
                f"the settings file lists {address}: take its [[meters]] table out there and restart the gateway"
            )
        if not self.lists(address):
            raise ConfigurationError(f"this gateway does not read {address}: see hearthline-gateway meters")

    async def forget_later(self, address: str) -> None:
        """Its bond is still there though it is not read any more: remove it when Bluetooth works. Raises
        :class:`ConfigurationError`."""
        async with self._turn:
            if not self.lists(address):
                left = tuple(sorted({*self._kept.to_forget, address}))
                self._kept = self._kept.model_copy(update={"to_forget": left})
                await self._write()
            self._forget_due.set()

    def _in_force(self) -> tuple[MeterInForce, ...]:
        return self._kept.meters.in_force(
            MeterWanted(address=meter.address, model=meter.model.name) for meter in self._file.values()
        )

    async def _keep(self, meters: MeterList, *, applied: bool = False, forget: bool = True) -> None:
        before = {meter.address for meter in self._in_force()}
        old = self._kept
        self._kept = _Kept(meters=meters, applied_time=self._now() if applied else old.applied_time)
        here = {meter.address for meter in self._in_force()}
        gone = (before - here) if forget else set()
        self._kept = self._kept.model_copy(update={"to_forget": tuple(sorted(({*old.to_forget} | gone) - here))})
        try:
            await self._write()
        except ConfigurationError:
            self._kept = old
            raise
        self._forget_due.set()

    async def _write(self) -> None:
        content = self._kept.model_dump_json(indent=1).encode()
        try:
            await asyncio.to_thread(write_durably, self._path, content)
        except OSError as error:
            raise ConfigurationError(
                f"the configuration could not be kept in {self._path} ({error.strerror}): look at the disk's free space"
            ) from error

    def _tell(self) -> None:
        self._carry_out(self.meters())
        self._show(self.indicator)
        self._report(self.reported())

    async def _forget_bonds(self) -> None:
        """Remove the bonds of meters that the backend dropped; tried again until it worked."""
        while True:
            await self._forget_due.wait()
            self._forget_due.clear()
            for address in self._kept.to_forget:
                if address in self._kept.to_forget:  # still: it may have been paired anew meanwhile
                    await self._forget_bond(address)
            if self._kept.to_forget:
                await asyncio.sleep(_FORGET_AGAIN_S)
                self._forget_due.set()

    async def _forget_bond(self, address: str) -> None:
        if self._forget is None:
            return
        try:
            await self._forget(address)
        except GatewayError as error:
            log.warning("bond_not_removed", meter=address, reason=str(error), next_step="it is tried again by itself")
            return
        async with self._turn:
            left = tuple(other for other in self._kept.to_forget if other != address)
            self._kept = self._kept.model_copy(update={"to_forget": left})
            try:
                await self._write()
            except ConfigurationError as error:
                log.warning("configuration_not_kept", reason=str(error))
        log.info("meter_dropped", meter=address)


def _with_device(meter: MeterInForce) -> MeterInForce:
    known = models().get(meter.model)
    return meter if known is None else meter.model_copy(update={"device": known.device})


def _understood(payload: bytes) -> DesiredConfiguration:
    try:
        content = json.loads(payload)
    except ValueError as error:
        raise ConfigurationError("The configuration that arrived is no JSON. Publish it again.") from error
    if isinstance(content, dict) and isinstance(content.get("schema"), int) and content["schema"] > SCHEMA:
        raise ConfigurationError(
            f"The configuration has schema {content['schema']}, this gateway understands {SCHEMA}. Update the gateway."
        )
    try:
        wanted = DesiredConfiguration.model_validate(content)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"]) or "it as a whole"
        raise ConfigurationError(
            f"The configuration that arrived is not right at {where}. Publish a corrected one with a newer revision."
        ) from error
    unknown = sorted({meter.model for meter in wanted.meters} - set(models()))
    if unknown:
        raise ConfigurationError(
            f"Revision {wanted.revision} names the unknown model {', '.join(unknown)}. Update the gateway, or choose a "
            "model it knows."
        )
    addresses = [meter.address for meter in wanted.meters]
    if len(set(addresses)) != len(addresses):
        raise ConfigurationError(f"Revision {wanted.revision} lists a meter twice. Take one of the two out.")
    return wanted
