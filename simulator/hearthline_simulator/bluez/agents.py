"""Pairing agents: who answers for a person when a device wants to pair."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from bumble.pairing import PairingDelegate
from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from hearthline_simulator.bluez.errors import BluezError
from hearthline_simulator.bluez.names import AGENT

_ANSWER_LIMIT_S: Final = 60.0
_NO_REPLY: Final = MessageFlag.NO_REPLY_EXPECTED
_CAPABILITIES: Final = {
    "DisplayOnly": PairingDelegate.DISPLAY_OUTPUT_ONLY,
    "DisplayYesNo": PairingDelegate.DISPLAY_OUTPUT_AND_YES_NO_INPUT,
    "KeyboardOnly": PairingDelegate.KEYBOARD_INPUT_ONLY,
    "NoInputNoOutput": PairingDelegate.NO_OUTPUT_NO_INPUT,
    "KeyboardDisplay": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
}


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """One client's agent."""

    owner: str
    path: str
    io_capability: PairingDelegate.IoCapability


class Agents:
    """The registered agents. A request goes to the asking client's own agent, else to the default one."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._agents: dict[str, RegisteredAgent] = {}
        self._defaults: list[str] = []
        self._asked: dict[str, RegisteredAgent] = {}

    def register(self, owner: str, path: str, capability: str) -> None:
        """``RegisterAgent``."""
        if owner in self._agents:
            raise BluezError("AlreadyExists", "Already Exists")
        if capability not in _CAPABILITIES:
            raise BluezError("InvalidArguments", "Invalid arguments in method call")
        self._agents[owner] = RegisteredAgent(owner, path, _CAPABILITIES[capability])

    def unregister(self, owner: str, path: str) -> None:
        """``UnregisterAgent``."""
        agent = self._agents.get(owner)
        if agent is None or agent.path != path:
            raise BluezError("DoesNotExist", "Does Not Exist")
        self.client_left(owner)

    def make_default(self, owner: str, path: str) -> None:
        """``RequestDefaultAgent``."""
        agent = self._agents.get(owner)
        if agent is None or agent.path != path:
            raise BluezError("DoesNotExist", "Does Not Exist")
        self._defaults = [owner, *(other for other in self._defaults if other != owner)]

    def client_left(self, owner: str) -> None:
        """Forget a client's agent."""
        self._agents.pop(owner, None)
        self._defaults = [other for other in self._defaults if other != owner]

    def answering(self, owner: str | None) -> RegisteredAgent | None:
        """The agent that answers for ``owner``; None when nobody does."""
        if owner is not None and owner in self._agents:
            return self._agents[owner]
        return self._agents[self._defaults[0]] if self._defaults else None

    async def ask(self, agent: RegisteredAgent, member: str, signature: str, *arguments: Any) -> list[Any] | None:
        """Call the agent back. None when it refused, vanished or took longer than a minute."""
        call = Message(
            destination=agent.owner,
            path=agent.path,
            interface=AGENT,
            member=member,
            signature=signature,
            body=list(arguments),
        )
        about = str(arguments[0])
        self._asked[about] = agent
        try:
            async with asyncio.timeout(_ANSWER_LIMIT_S):
                reply = await self._bus.call(call)
        except TimeoutError:
            return None
        self._asked.pop(about, None)
        if reply is None or reply.message_type is MessageType.ERROR:
            return None
        return reply.body

    async def stop_asking(self, path: str) -> None:
        """Tell an agent that still owes an answer about a device that it is no longer wanted."""
        agent = self._asked.pop(path, None)
        if agent is not None:
            await self._bus.send(
                Message(destination=agent.owner, path=agent.path, interface=AGENT, member="Cancel", flags=_NO_REPLY)
            )


class AgentDelegate(PairingDelegate):
    """One pairing, answered by an agent.

    A pairing that a client asked for through ``Pair`` needs an agent to exist, but a just-works one is then accepted
    without a question, as bluetoothd does; one that a guarded characteristic caused asks ``RequestAuthorization``.
    """

    def __init__(self, agents: Agents, agent: RegisteredAgent, path: str, *, asked_for: bool) -> None:
        super().__init__(agent.io_capability)
        self._agents, self._agent, self._path, self._asked_for = agents, agent, path, asked_for

    async def confirm(self, auto: bool = False) -> bool:
        del auto  # BlueZ decides by who started the pairing
        if self._asked_for:
            return True
        return await self._agents.ask(self._agent, "RequestAuthorization", "o", self._path) is not None

    async def compare_numbers(self, number: int, digits: int) -> bool:
        del digits  # always six
        return await self._agents.ask(self._agent, "RequestConfirmation", "ou", self._path, number) is not None

    async def get_number(self) -> int | None:
        answer = await self._agents.ask(self._agent, "RequestPasskey", "o", self._path)
        return None if answer is None else int(answer[0])

    async def display_number(self, number: int, digits: int) -> None:
        del digits  # always six
        await self._agents.ask(self._agent, "DisplayPasskey", "ouq", self._path, number, 0)
