"""What a simulated home is made of, read from a TOML or JSON file."""

import json
import tomllib
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from hearthline_protocol.readings import Address
from hearthline_simulator.meters.profiles import PROFILES
from hearthline_simulator.meters.spec import MeterSpec


class OptionsError(ValueError):
    """The file cannot be used; the message names the key and what was expected."""


class MeterOptions(BaseModel):
    """One meter, as :class:`MeterSpec` describes; ``clock_offset_s`` in seconds ahead of the home's local time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=20)]
    profile: str
    address: Address
    model: str = "Simulated"
    clock_offset_s: float = 0.0
    clock_lost: bool = False
    battery_percent: Annotated[int, Field(ge=0, le=100)] = 87
    held_open: bool = False
    eager: bool = False
    passkey: Annotated[int, Field(ge=0, le=999_999)] | None = None
    consents: dict[Annotated[int, Field(ge=0, le=254)], Annotated[int, Field(ge=0, le=9999)]] = Field(
        default_factory=dict
    )
    advertised_name: Annotated[str, Field(min_length=1, max_length=20)] | None = None

    def spec(self) -> MeterSpec:
        """The meter it describes."""
        table: dict[str, Any] = self.model_dump(exclude={"clock_offset_s"})
        return MeterSpec(clock_offset=timedelta(seconds=self.clock_offset_s), **table)


class HomeOptions(BaseModel):
    """The home: its bus, its zone (an IANA name; this machine's when null) and its meters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bus: str
    home_zone: str | None = None
    temporary_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    meters: Annotated[tuple[MeterOptions, ...], Field(min_length=1)]

    @field_validator("meters")
    @classmethod
    def _known_profiles(cls, meters: tuple[MeterOptions, ...]) -> tuple[MeterOptions, ...]:
        for meter in meters:
            if meter.profile not in PROFILES:
                raise ValueError(f"no profile is called {meter.profile!r}; known profiles: {', '.join(PROFILES)}")
        return meters

    @field_validator("home_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"no time zone is called {name!r}; use an IANA name such as Europe/Madrid") from error
        return name

    def zone(self) -> tzinfo | None:
        """The home's zone; None for this machine's."""
        return None if self.home_zone is None else ZoneInfo(self.home_zone)

    def specs(self) -> list[MeterSpec]:
        """Every meter."""
        return [meter.spec() for meter in self.meters]


def read_options(path: str, *, bus: str | None = None) -> HomeOptions:
    """Read a ``.json`` file, or any other as TOML; the file's own ``bus`` wins. Raises :class:`OptionsError`."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        table = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise OptionsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise OptionsError(f"{path} is neither TOML nor JSON: {error}") from error
    if not isinstance(table, dict):
        raise OptionsError(f"{path} must hold one table of options")
    if bus is not None:
        table.setdefault("bus", bus)
    try:
        return HomeOptions.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise OptionsError(f"{path}: {where}: {first['msg']}") from error
