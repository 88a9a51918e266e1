"""What the backend wants a gateway to be, and what the gateway says it is. Both are retained.

The wanted configuration is whole, never a difference: a gateway that was away takes the newest and is done. It holds no
secret; digits that a meter wants for pairing travel in the command that pairs it and are kept by nobody.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hearthline_protocol.readings import Address, Instant

ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]
HourMinute = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A local time of day in the home's zone, such as 22:00."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)


class MeterWanted(_Message):
    """A meter that the gateway is to read."""

    address: Address
    model: ModelName


class IndicatorWanted(_Message):
    """The receipt in the living room. Silent and dark between ``quiet_from`` and ``quiet_to``."""

    light: bool = True
    sound: bool = False
    quiet_from: HourMinute = "22:00"
    quiet_to: HourMinute = "07:00"


class DesiredConfiguration(_Message):
    """``revision`` grows with each change; a gateway ignores one that is not newer than what it has."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = 1
    revision: Annotated[int, Field(ge=1)]
    meters: tuple[MeterWanted, ...] = ()
    indicator: IndicatorWanted | None = None
    """Null leaves it to the gateway's own settings."""


class MeterInForce(_Message):
    """A meter that the gateway reads, and who said so: its settings ``file``, the ``backend``, or a technician who
    ``paired`` it on the spot and whose word the backend has not taken up yet."""

    address: Address
    model: ModelName
    origin: Literal["file", "backend", "paired"]
    device: Annotated[str, Field(max_length=40)] | None = None
    """What it is, such as ``cuff``."""


class ReportedConfiguration(_Message):
    """``revision`` is the last one applied, null before the first; ``problem`` why a newer one was not, with the next
    step."""

    schema_version: Annotated[int, Field(ge=1, alias="schema")] = 1
    revision: Annotated[int, Field(ge=1)] | None = None
    applied_time: Instant | None = None
    meters: tuple[MeterInForce, ...] = ()
    indicator: IndicatorWanted | None = None
    problem: Annotated[str, Field(max_length=300)] | None = None
