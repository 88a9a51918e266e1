"""Everything by which a technician, far or near, works on the gateway: configuration, commands, control socket."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final, Protocol

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.commands.executor import Executor
from hearthline_gateway.commands.memory import CommandMemory
from hearthline_gateway.commands.work import Desk, Indicator
from hearthline_gateway.configuration_in_force import ConfigurationInForce
from hearthline_gateway.control.messages import GatewayState
from hearthline_gateway.control.server import ControlServer
from hearthline_gateway.outbox.store import Outbox
from hearthline_gateway.proof import Proof, ProofConnection
from hearthline_gateway.radio import Radio
from hearthline_gateway.settings import GatewaySettings
from hearthline_gateway.uplink.mail import Mail
from hearthline_protocol import topics
from hearthline_protocol.commands import CommandReply
from hearthline_protocol.configuration import IndicatorWanted, ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus

_REPLIES_GONE_WITHIN_S: Final = 3.0
_WORDS: Final = 300
"""The status takes no longer problem; one that is longer, and the backend refuses the whole status."""


class Connection(ProofConnection, Protocol):
    """What has to be known of the uplink."""

    def status_changed(self) -> None:
        """Something worth a new status happened."""


class RemoteWork:
    """Make it before the collector, whose meters :meth:`meters` are; then :meth:`attach` the radio, and :meth:`run`.

    ``status`` composes the gateway's status; ``restart`` ends the process so that it is started again; ``show`` takes
    how the backend wants the indicator to behave (None: as the settings say).
    """

    def __init__(
        self,
        settings: GatewaySettings,
        outbox: Outbox,
        *,
        mail: Mail,
        connection: Connection,
        status: Callable[[], Awaitable[GatewayStatus]],
        restart: Callable[[], None],
        now: Callable[[], datetime],
        show: Callable[[IndicatorWanted | None], None] = lambda _: None,
    ) -> None:
        self._name = settings.gateway.name
        self._settings, self._mail, self._connection, self._status = settings, mail, connection, status
        self._restart, self._now = restart, now
        self._radio: Radio | None = None
        self._set_meters: Callable[[Sequence[ConfiguredMeter]], None] = lambda _: None
        self.configuration = ConfigurationInForce(
            settings.gateway.data_dir,
            settings.configured_meters,
            carry_out=self._carry_out,
            report=self._report,
            show=show,
            forget=self._forget,
            now=now,
        )
        self._memory = CommandMemory(settings.gateway.data_dir)
        self._proof = Proof(
            outbox, connection, sensors=lambda: [meter.address for meter in self.configuration.meters()]
        )
        self._control: ControlServer | None = None

    def load(self) -> None:
        """Take up what was kept from earlier. Raises ``GatewayError``."""
        self.configuration.load()
        self._memory.load(self._now())

    def attach(
        self,
        radio: Radio,
        set_meters: Callable[[Sequence[ConfiguredMeter]], None],
        indicator: Indicator | None = None,
    ) -> None:
        """What commands and configuration are carried out with."""
        self._radio, self._set_meters = radio, set_meters
        self._executor = Executor(
            Desk(radio, self.configuration, indicator),
            self._memory,
            restart=self._restart,
            before_restart=lambda: self._mail.all_gone(_REPLIES_GONE_WITHIN_S),
            remote_replies=self._reply,
            now=self._now,
        )
        self._mail.read(topics.config(self._name), self.configuration.received)
        self._mail.read(topics.commands(self._name), self._executor.received)
        self._control = ControlServer(self._settings.control_socket, self._executor, self._state, self._proof.run)

    @property
    def problems(self) -> tuple[str, ...]:
        """What a technician has to look at."""
        control = None if self._control is None else self._control.problem
        return tuple(words[:_WORDS] for words in (self.configuration.reported().problem, control) if words)

    async def run(self) -> None:
        """Until cancelled. :meth:`attach` comes first."""
        if self._control is None:
            raise RuntimeError("attach the radio before the remote work runs")
        parts = [
            asyncio.create_task(self.configuration.run(), name="configuration"),
            asyncio.create_task(self._executor.run(), name="commands"),
            asyncio.create_task(self._control.run(), name="control socket"),
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def _carry_out(self, meters: Sequence[ConfiguredMeter]) -> None:
        self._set_meters(meters)
        self._connection.status_changed()

    def _report(self, reported: ReportedConfiguration) -> None:
        self._mail.post(topics.config_reported(self._name), reported.model_dump_json().encode())

    def _reply(self, reply: CommandReply) -> None:
        self._mail.send(topics.command_replies(self._name), reply.model_dump_json().encode())

    async def _forget(self, address: str) -> object:
        return None if self._radio is None else await self._radio.unpair(address)

    async def _state(self) -> GatewayState:
        return GatewayState(
            status=await self._status(),
            configuration=self.configuration.reported(),
            uplink_connected=self._connection.problem is None,
            uplink_problem=self._connection.problem,
            no_subscriber=self._connection.no_subscriber,
        )
