"""What is said on the control socket, one JSON object a line.

A request is a ``Command`` or one of the requests below. A command is answered by its replies, the last one final; each
request by the answers named beside it, the last line being ``Ended``.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hearthline_protocol.commands import Command, CommandReply
from hearthline_protocol.configuration import ReportedConfiguration
from hearthline_protocol.messages import GatewayStatus


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StatusRequest(_Message):
    """Answered by one ``GatewayState``."""

    request: Literal["status"]


class ProofRequest(_Message):
    """Send a marked reading through outbox and uplink. Answered by a ``ProofStep`` for each hop."""

    request: Literal["proof"]
    within_s: Annotated[float, Field(gt=0, le=600)] = 30


class GatewayState(_Message):
    """All that the running gateway knows of itself. ``uplink_problem`` is why there is no connection to the broker."""

    answer: Literal["state"] = "state"
    status: GatewayStatus
    configuration: ReportedConfiguration
    uplink_connected: bool
    uplink_problem: str | None = None
    no_subscriber: int = 0
    """How often the broker said that nobody was there to read a batch."""


class ProofStep(_Message):
    """One hop of the marked reading's way. ``seconds`` is the time since it began."""

    answer: Literal["proof"] = "proof"
    hop: Literal["gateway", "internet", "broker", "store"]
    passed: bool
    words: str
    seconds: float


class Ended(_Message):
    """Nothing more comes. ``problem`` is why the request was not answered."""

    answer: Literal["ended"] = "ended"
    problem: str | None = None


Request = StatusRequest | ProofRequest | Command
Answer = CommandReply | GatewayState | ProofStep | Ended

REQUEST: TypeAdapter[Request] = TypeAdapter(Request)
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
