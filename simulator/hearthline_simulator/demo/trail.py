"""Follows the one reading of 186/112 mmHg: for each hop, the question and where its answer lives."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from hearthline_backend.settings import READINGS_FILE, RECORDS_FILE
from hearthline_gateway.outbox import FILE_NAME as OUTBOX_FILE
from hearthline_simulator.demo.backend_service import data_folder
from hearthline_simulator.demo.chain import DIASTOLIC, SYSTOLIC, Hop
from hearthline_simulator.demo.evidence import (
    AlertRow,
    OutboxRow,
    RecordsFile,
    Unreadable,
    outbox_row,
    stored_rows,
)
from hearthline_simulator.demo.gateway_home import outbox_folder
from hearthline_simulator.demo.nurse import Nurse, SiteError
from hearthline_simulator.demo.sinks import Channel, Delivery
from hearthline_simulator.demo.stack import Stack
from hearthline_simulator.demo.subscriber import Subscriber
from hearthline_simulator.ward.staff import NURSE

_POLL_S: Final = 0.02
_PARTS: Final = {
    Hop.DECODED: ("simulated home", "gateway"),
    Hop.OUTBOX: ("gateway",),
    Hop.PUBLISHED: ("broker", "gateway"),
    Hop.RECEIPTED: ("backend", "gateway"),
}
_BACKEND: Final = ("backend",)

Question = Callable[[], Awaitable[str | None]]
"""Answers with the evidence there is, or None."""


class HopError(Exception):
    """The evidence of a hop did not appear; the message says why."""


class Trail:
    """Knows what has been found so far. ``nurse`` is None where a person signs in."""

    def __init__(self, stack: Stack, subscriber: Subscriber) -> None:
        self._stack, self._subscriber = stack, subscriber
        self.outbox_file = outbox_folder(stack.folder) / OUTBOX_FILE
        self.readings_file = data_folder(stack.folder) / READINGS_FILE
        self.records = RecordsFile(data_folder(stack.folder) / RECORDS_FILE)
        self.row: OutboxRow | None = None
        self.alert: AlertRow | None = None
        self.nurse: Nurse | None = None
        self.trouble: Callable[[], str | None] = lambda: None
        """What else may be wrong, asked while waiting."""
        self._last = ""
        self._questions: dict[Hop, Question] = {
            Hop.DECODED: self._decoded,
            Hop.OUTBOX: self._outbox,
            Hop.PUBLISHED: self._published,
            Hop.STORED: self._stored,
            Hop.RECEIPTED: self._receipted,
            Hop.JUDGED: self._judged,
            Hop.ALERT: self._alert,
            Hop.MAIL: self._mail,
            Hop.WEBHOOK: self._webhook,
            Hop.VISIBLE: self._visible,
            Hop.ACKNOWLEDGED: self._acknowledged,
        }

    async def wait(self, hop: Hop, within_s: float) -> str:
        """The evidence of a hop, as soon as there is some; :class:`HopError` when it does not come."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_s
        self._last = ""
        while True:
            found = await self.look(hop)
            if found is not None:
                return found
            self._check_parts(hop)
            if loop.time() > deadline:
                raise HopError(f"no evidence within {within_s:.0f} s{self._details(hop)}")
            await asyncio.sleep(_POLL_S)

    async def seen(self, hop: Hop, every_s: float) -> None:
        """Returns when there is evidence; for who has to be quick, and has a deadline already."""
        while await self.look(hop) is None:  # noqa: ASYNC110  # another process's file has no event to wait for
            await asyncio.sleep(every_s)

    async def look(self, hop: Hop) -> str | None:
        """The evidence there is at this moment."""
        try:
            return await self._questions[hop]()
        except (Unreadable, SiteError, aiohttp.ClientError, OSError, TimeoutError) as error:
            self._last = str(error) or type(error).__name__
            return None

    def deliveries(self, channel: Channel) -> list[Delivery]:
        """What arrived of this alert's calls on one channel, oldest first."""
        if self.alert is None:
            return []
        return self._stack.deliveries.of(channel, set(self.records.notifications(self.alert.id, channel)))

    # --- one question a hop ---

    async def _decoded(self) -> str | None:
        row = self.row = outbox_row(self.outbox_file)
        if row is None:
            return None
        return f"frame {row.characteristic} of {row.frame_bytes} bytes, decoded again: {row.decoded}"

    async def _outbox(self) -> str | None:
        row = self.row = outbox_row(self.outbox_file)
        if row is None or row.says != f"{SYSTOLIC}/{DIASTOLIC}":
            return None
        return f"{self.outbox_file.name}: reading {row.reading_id}, {row.state}"

    async def _published(self) -> str | None:
        heard = None if self.row is None else self._subscriber.published(self.row.reading_id)
        return None if heard is None else f"heard on {heard.topic}, batch {heard.batch}"

    async def _stored(self) -> str | None:
        if self.row is None:
            return None
        gateway = dict(stored_rows(self.readings_file, self.row.sensor)).get(self.row.reading_id)
        return gateway and f"{self.readings_file.name}: the same id, from {gateway}"

    async def _receipted(self) -> str | None:
        row = self.row = outbox_row(self.outbox_file)
        if row is None or row.state != "stored":
            return None
        return f"{self.outbox_file.name}: stored, receipt of {row.receipt_time}, sent {row.attempts} times"

    async def _judged(self) -> str | None:
        at = None if self.row is None else self.records.judged(self.row.reading_id)
        return None if at is None else f"register of judged readings: {at} UTC"

    async def _alert(self) -> str | None:
        found = self.records.alerts([self.row.reading_id]) if self.row is not None else []
        self.alert = next((one for one in found if one.level == "red"), None)
        return None if self.alert is None else f"alert {self.alert.id}, red, rule {self.alert.rule}"

    async def _mail(self) -> str | None:
        return self._arrived("mail", f"{NURSE}@")

    async def _webhook(self) -> str | None:
        return self._arrived("webhook", f"/{NURSE}")

    def _arrived(self, channel: Channel, address: str) -> str | None:
        mine = [one for one in self.deliveries(channel) if address in one.address]
        if not mine:
            refused = self._stack.deliveries.refused(channel)
            self._last = f"{refused} came with a wrong signature" if refused else ""
            return None
        first = mine[0]
        said = first.text.splitlines()[0] if channel == "mail" and first.text else first.title
        return f'{first.address}: "{said}", key {first.key}'

    async def _visible(self) -> str | None:
        if self.nurse is None or self.alert is None or not await self.nurse.sees(self.alert.id):
            return None
        return f"the nurse's worklist shows {SYSTOLIC}/{DIASTOLIC} and the button for alert {self.alert.id}"

    async def _acknowledged(self) -> str | None:
        if self.row is None:
            return None
        found = next((one for one in self.records.alerts([self.row.reading_id]) if one.level == "red"), None)
        if found is not None and found.state == "acknowledged" and found.owner is not None:
            return f"alert {found.id} is acknowledged, {found.owner} has it"
        if self.nurse is not None and found is not None:
            await self.nurse.acknowledge(found.id)
        return None

    # --- why not ---

    def _check_parts(self, hop: Hop) -> None:
        trouble = self.trouble()
        if trouble is not None:
            raise HopError(trouble)
        for part in _PARTS.get(hop, _BACKEND):
            if part in self._stack.broken:
                raise HopError(self._stack.why_broken(part))
            child = self._stack.child(part)
            if child is not None and child.lost:
                raise HopError(str(child.loss()))

    def _details(self, hop: Hop) -> str:
        text = f": {self._last}" if self._last else ""
        for part in _PARTS.get(hop, _BACKEND):
            child = self._stack.child(part)
            if child is not None and child.tail():
                text += f"\nThe end of the log of the {part}:\n{child.tail()}"
        return text
