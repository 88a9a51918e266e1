"""Remote work: what a technician asks a gateway to do now, and how it goes.

A command is done at most once: its id is remembered, and after ``expires_time`` it is refused, so that a gateway that
was away does not start pairing three days later. Replies are numbered from 0 within their command; the last one has the
state ``done``, ``failed`` or ``refused``.
"""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from hearthline_protocol.configuration import ModelName
from hearthline_protocol.readings import Address, Instant

Words = Annotated[str, Field(max_length=300)]


class _Message(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True, hide_input_in_errors=True
    )


class Scan(_Message):
    """Listen for health meters. Replies name each as it is found, nearest first in the last one."""

    do: Literal["scan"] = "scan"
    seconds: Annotated[float, Field(ge=1, le=120)] = 20


class Pair(_Message):
    """Bond with a meter (where its model pairs), look that it offers what its model promises, and read it from now
    on. ``passkey`` are the digits on the meter, where they are known beforehand."""

    do: Literal["pair"] = "pair"
    address: Address
    model: ModelName
    passkey: Annotated[int, Field(ge=0, le=999_999)] | None = Field(default=None, repr=False)


class Unpair(_Message):
    """Forget the bond and read the meter no more."""

    do: Literal["unpair"] = "unpair"
    address: Address


class Identify(_Message):
    """Show which gateway this is: light and sound, at any hour."""

    do: Literal["identify"] = "identify"
    seconds: Annotated[float, Field(ge=1, le=60)] = 10


class Collect(_Message):
    """Connect to the meters now, whatever pause they are in; all of them where ``address`` is null."""

    do: Literal["collect"] = "collect"
    address: Address | None = None


class Restart(_Message):
    """End the gateway process; its service manager starts it again. Answered before it ends."""

    do: Literal["restart"] = "restart"


class Answer(_Message):
    """What a person answers to a reply that ``asks``: the digits on the meter, or whether both show the same."""

    do: Literal["answer"] = "answer"
    to: UUID
    passkey: Annotated[int, Field(ge=0, le=999_999)] | None = Field(default=None, repr=False)
    confirmed: bool | None = None


Work = Annotated[Scan | Pair | Unpair | Identify | Collect | Restart | Answer, Field(discriminator="do")]


class Command(_Message):
    """One thing to do."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = 1
    id: UUID
    sent_time: Instant
    expires_time: Instant
    work: Work


class FoundMeter(_Message):
    """A health meter that was heard. ``model`` is null where only the kind of meter is known from its services; then
    ``candidates`` are the models that fit. ``pairing`` tells whether it offers to pair now; null: it does not say."""

    address: Address
    name: Annotated[str, Field(max_length=80)] | None = None
    device: Annotated[str, Field(max_length=40)]
    """What it is, such as ``cuff``."""
    title: Annotated[str, Field(max_length=80)] | None = None
    """What people call it: its model's title, or that of the model that fits best."""
    steps: Annotated[tuple[Words, ...], Field(max_length=8)] = ()
    """How to put it into pairing mode."""
    model: ModelName | None = None
    candidates: tuple[ModelName, ...] = ()
    signal_dbm: int | None = None
    pairing: bool | None = None
    listed: bool = False
    """Whether this gateway reads it already."""


class Question(_Message):
    """What the meter wants a person to do: type the digits it shows, type ``digits`` on it, or compare ``digits``."""

    kind: Literal["enter_passkey", "type_on_meter", "compare"]
    digits: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None


class CommandReply(_Message):
    """How the command goes. ``message`` is for a technician: what happens or happened, and what to do next."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = 1
    command: UUID
    number: Annotated[int, Field(ge=0)]
    state: Literal["accepted", "running", "asks", "done", "failed", "refused"]
    message: Words
    time: Instant
    progress: Annotated[float, Field(ge=0, le=1)] | None = None
    found: tuple[FoundMeter, ...] = ()
    question: Question | None = None
