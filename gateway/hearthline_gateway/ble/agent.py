"""Our pairing agent. Without one bluetoothd refuses to pair; with a careless one anybody could pair with us."""

import asyncio
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import structlog
from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from hearthline_gateway.radio import PairingDialogue

log = structlog.get_logger(__name__)

T = TypeVar("T")

AGENT_PATH: Final = "/org/hearthline/agent"
_REJECTED: Final = "org.bluez.Error.Rejected"
_ANSWER_LIMIT_S: Final = 60.0
"""bluetoothd waits no longer for an agent."""


@dataclass(slots=True)
class PairingTalk:
    """One pairing that somebody asked for, and what came of its questions: ``answered`` with digits or a yes,
    ``unanswered`` where nobody knew the digits, ``denied`` where the digits were not the same."""

    address: str
    dialogue: PairingDialogue
    answered: bool = False
    unanswered: bool = False
    denied: bool = False


class PairingAgent(ServiceInterface):
    """``org.bluez.Agent1``: says yes for the meters that the configuration wants paired and for the one that somebody
    pairs just now, and no for everybody else.

    ``meters`` maps the listed meters' addresses to a fixed passkey or None.
    """

    def __init__(self, meters: Mapping[str, int | None]) -> None:
        super().__init__("org.bluez.Agent1")
        self._meters = dict(meters)
        self._talk: PairingTalk | None = None
        self._question: asyncio.Task[Any] | None = None

    @property
    def capability(self) -> str:
        """What bluetoothd is told we can do: everything while a person pairs, else type digits where a meter's digits
        are configured."""
        if self._talk is not None:
            return "KeyboardDisplay"
        return "KeyboardOnly" if any(passkey is not None for passkey in self._meters.values()) else "NoInputNoOutput"

    def list_meters(self, meters: Mapping[str, int | None]) -> None:
        """Answer for these from now on."""
        self._meters = dict(meters)

    @contextmanager
    def talking(self, address: str, dialogue: PairingDialogue) -> Iterator[PairingTalk]:
        """Let ``dialogue`` answer for the meter at ``address``; bluetoothd has to be told the new capability."""
        self._talk = PairingTalk(address, dialogue)
        try:
            yield self._talk
        finally:
            self._talk = None
            self._stop_asking()

    @dbus_method(name="Release")
    def release(self) -> None:
        """bluetoothd no longer needs us."""
        log.info("pairing_agent_released")

    @dbus_method(name="RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """Classic Bluetooth's pairing; no meter of ours uses it."""
        raise self._refuse(device, "asks for a PIN of classic Bluetooth")

    @dbus_method(name="DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, pin_code: DBusStr) -> None:
        """Classic Bluetooth again: there is nothing to show it on."""
        del pin_code
        raise self._refuse(device, "wants a PIN shown")

    @dbus_method(name="RequestPasskey")
    async def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """The digits that the meter shows: from the person who pairs it, else those configured."""
        address, talk = address_of(device), self._talk_about(device)
        passkey = None if talk is None else await self._ask(talk.dialogue.passkey(address))
        if passkey is None:
            passkey = self._meters.get(address)
        if talk is not None:
            talk.answered, talk.unanswered = passkey is not None, passkey is None
        if passkey is None:
            raise self._refuse(device, "wants digits that nobody gave")
        log.info("pairing_passkey_given", meter=address)
        return passkey

    @dbus_method(name="DisplayPasskey")
    async def display_passkey(self, device: DBusObjectPath, passkey: DBusUInt32, entered: DBusUInt16) -> None:
        """The meter would have the digits typed on it. Called again for each digit typed."""
        talk = self._talk_about(device)
        if talk is None:
            log.warning("pairing_wants_display", meter=address_of(device))  # nobody sees them, so nobody types them
        elif not entered:
            talk.answered = True
            await talk.dialogue.type_on_meter(talk.address, f"{passkey:06}")

    @dbus_method(name="RequestConfirmation")
    async def request_confirmation(self, device: DBusObjectPath, passkey: DBusUInt32) -> None:
        """Numeric comparison: the person who pairs compares; without one only a listed meter passes."""
        talk = self._talk_about(device)
        if talk is None:
            self.admit(device)
            return
        same = await self._ask(talk.dialogue.same(talk.address, f"{passkey:06}"))
        talk.answered, talk.denied, talk.unanswered = bool(same), same is False, same is None
        if not same:
            raise self._refuse(device, "shows other digits" if talk.denied else "wants digits compared")
        log.info("pairing_confirmed", meter=talk.address)

    @dbus_method(name="RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> None:
        """Just-works pairing that we did not start ourselves."""
        self.admit(device)

    @dbus_method(name="AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, uuid: DBusStr) -> None:
        """A device would use a service of ours."""
        del uuid
        self.admit(device)

    @dbus_method(name="Cancel")
    def cancel(self) -> None:
        """The pairing under way ended without our answer."""
        log.info("pairing_cancelled")
        self._stop_asking()

    def admit(self, device: str) -> None:
        """Let a listed meter pair, or the one being paired; refuse all others by raising :class:`DBusError`."""
        if address_of(device) not in self._meters and self._talk_about(device) is None:
            raise self._refuse(device, "is not among the meters to pair")
        log.info("pairing_admitted", meter=address_of(device))

    def _talk_about(self, device: str) -> PairingTalk | None:
        return self._talk if self._talk is not None and self._talk.address == address_of(device) else None

    async def _ask(self, question: Coroutine[Any, Any, T]) -> T | None:
        """A person's answer; None when there was none in time or the pairing ended meanwhile."""
        self._question = task = asyncio.ensure_future(question)
        try:
            await asyncio.wait({task}, timeout=_ANSWER_LIMIT_S)
            return task.result() if task.done() and not task.cancelled() else None
        finally:
            task.cancel()
            self._question = None

    def _stop_asking(self) -> None:
        if self._question is not None:
            self._question.cancel()

    def _refuse(self, device: str, why: str) -> DBusError:
        log.warning("pairing_refused", device=address_of(device), why=why)
        return DBusError(_REJECTED, f"{address_of(device)} {why}")


def address_of(device_path: str) -> str:
    """The Bluetooth address in a device's object path, upper case with colons."""
    return device_path.rsplit("/dev_", 1)[-1][:17].replace("_", ":").upper()


def adapter_of(path: str) -> str:
    """The adapter in an object path, such as ``hci0``."""
    return path.removeprefix("/org/bluez/").partition("/")[0]
