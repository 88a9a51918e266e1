"""The gateway's settings: each field holds what the checks, the messages and the documentation say of it."""

import re
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    model_validator,
)

from hearthline_gateway.ble.configured_meter import ConfiguredMeter
from hearthline_gateway.control.place import FILE_NAME as CONTROL_SOCKET
from hearthline_gateway.meter_models import UnknownModelError, model
from hearthline_gateway.outbox import FILE_NAME
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_protocol.configuration import HourMinute
from hearthline_protocol.messages import MAX_BATCH_READINGS
from hearthline_protocol.topics import GATEWAY_NAME

_ADAPTER: Final = re.compile(r"hci\d+$")
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


def _setting(meaning: str, *, expected: str, default: Any = ..., secret: bool = False, **limits: Any) -> Any:
    """``meaning`` and ``expected`` are what people read: in the documentation and when the value is wrong."""
    extra: dict[str, JsonValue] = {"expected": expected, "secret": secret}
    return Field(default, description=meaning, json_schema_extra=extra, repr=not secret, **limits)


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    base: Path | None = (info.context or {}).get("folder")
    return base / path if base is not None else path


def _beside_the_file_if_any(path: Path | None, info: ValidationInfo) -> Path | None:
    return None if path is None else _beside_the_file(path, info)


def _readable(path: Path, info: ValidationInfo) -> Path:
    path = _beside_the_file(path, info)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(error.strerror) from error


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("no such time zone") from error
    return name


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("not a broker's address")
    if parts.username or parts.password:
        raise ValueError("user name and password have their own settings")
    _ = parts.port  # raises ValueError when it is no port
    return text


def _address(text: object) -> object:
    return text.strip().upper().replace("-", ":") if isinstance(text, str) else text


def _adapter_names(value: object) -> object:
    """A list; in an environment variable words with commas or spaces between."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and _ADAPTER.match(name) for name in names):
        raise ValueError("not a list of adapters")
    if len(set(names)) != len(names):
        raise ValueError("one stands there twice")
    return tuple(names)


def _model_name(name: str) -> str:
    try:
        model(name)
    except UnknownModelError as error:
        raise ValueError(f"known are {', '.join(error.known)}") from error
    return name


ReadableFile = Annotated[Path, AfterValidator(_readable)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class GatewaySection(_Section):
    """This gateway and its home."""

    name: Annotated[str, Field(pattern=rf"^{GATEWAY_NAME.pattern}$")] = _setting(
        "The gateway's name: its topics, its MQTT client id and, at most brokers, its user name.",
        expected="2 to 63 lower-case letters, digits and hyphens, such as home-12",
    )
    time_zone: Annotated[str, AfterValidator(_zone)] = _setting(
        "The home's time zone; a meter's stamp is read in it while its clock was not measured.",
        expected="a zone of the IANA database, such as Europe/Madrid",
    )
    data_dir: Annotated[Path, AfterValidator(_beside_the_file)] = _setting(
        "Where the outbox is kept, on a disk that survives a power cut.",
        expected="a folder that the gateway's user may write",
        default=Path("/var/lib/hearthline"),
    )
    control_socket: Annotated[Path | None, AfterValidator(_beside_the_file_if_any)] = _setting(
        "The socket by which commands on this machine reach the running gateway; without it control.sock in data_dir.",
        expected="a path whose folder the gateway's user may write",
        default=None,
    )
    trust_clock: bool = _setting(
        "Take this machine's clock as right though the kernel does not say that it is synchronised: in a container, or "
        "with a battery-backed clock and no time server.",
        expected="true or false",
        default=False,
    )
    wait_for_time_s: float = _setting(
        "Seconds that what was heard waits for this machine to learn the time, once the broker is reached; then it is "
        "sent with its time marked as not certain.",
        expected="a number of seconds from 0 to 86400",
        default=900,
        ge=0,
        le=86_400,
    )


class MqttSection(_Section):
    """The broker. It must speak MQTT 5."""

    url: Annotated[str, AfterValidator(_url)] = _setting(
        "The broker's address; mqtts:// encrypts and checks its certificate.",
        expected="mqtt:// or mqtts:// with host and port, such as mqtts://broker.example.org:8883, and no user name",
    )
    username: str | None = _setting(
        "The user name at the broker, when it wants one.", expected="a text", default=None, min_length=1
    )
    password_file: ReadableFile | None = _setting(
        "A file whose first line is the password at the broker.", expected="a file that can be read", default=None
    )
    ca_file: ReadableFile | None = _setting(
        "The authority that signed the broker's certificate, as PEM, where the system does not know it.",
        expected="a file that can be read",
        default=None,
    )
    cert_file: ReadableFile | None = _setting(
        "This gateway's own certificate, as PEM, when the broker wants one.",
        expected="a file that can be read",
        default=None,
    )
    key_file: ReadableFile | None = _setting(
        "The key of cert_file, as PEM, when it is not in the same file.",
        expected="a file that can be read",
        default=None,
    )

    @model_validator(mode="after")
    def _belong_together(self) -> "MqttSection":
        encrypted = self.url.startswith("mqtts:")
        files = [name for name in ("ca_file", "cert_file", "key_file") if getattr(self, name) is not None]
        if files and not encrypted:
            raise ValueError(f'{files[0]} has no effect without encryption: write url = "mqtts://...", or remove it')
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file needs its cert_file beside it")
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username beside it")
        return self

    @property
    def broker(self) -> BrokerAddress:
        """The address as the uplink takes it."""
        parts = urlsplit(self.url)
        return BrokerAddress(
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            username=self.username,
            password_file=self.password_file,
            ca_file=self.ca_file,
            cert_file=self.cert_file,
            key_file=self.key_file,
        )


class BluetoothSection(_Section):
    """The radio."""

    adapters: Annotated[tuple[str, ...], BeforeValidator(_adapter_names)] = _setting(
        "The Bluetooth adapters to use; without it the first one. A meter that several hear is read through one.",
        expected='the names that bluetoothctl or hciconfig shows, such as ["hci0", "hci1"]',
        default=(),
    )
    mend_bonds: bool = _setting(
        "Pair again by itself with a meter that has forgotten the gateway, where that needs nobody beside it.",
        expected="true or false",
        default=True,
    )
    max_connections: int = _setting(
        "How many meters may be connected at a time through each adapter; from 2 on they stay connected while there is "
        "room for all.",
        expected="a whole number from 1 to 255",
        default=1,
        ge=1,
        le=255,
    )


class OutboxSection(_Section):
    """How long the outbox keeps what."""

    keep_stored_days: float = _setting(
        "Days that a reading with a receipt is kept after its meter last told it.",
        expected="a number of days from 1 to 366",
        default=7,
        ge=1,
        le=366,
    )
    keep_rejected_days: float = _setting(
        "Days that a rejected reading and a frame that could not be decoded are kept for the technician.",
        expected="a number of days from 1 to 366",
        default=30,
        ge=1,
        le=366,
    )
    keep_pending_days: float = _setting(
        "Days that a reading without a receipt is kept.",
        expected="a number of days from 7 to 3660",
        default=365,
        ge=7,
        le=3660,
    )
    max_megabytes: int = _setting(
        "The cap of the outbox file; past 80 % of it the oldest rows go, those with a receipt first.",
        expected="a whole number from 8 to 100000",
        default=512,
        ge=8,
        le=100_000,
    )
    linger_ms: float = _setting(
        "Milliseconds that a commit waits for others to share its sync: spares a memory card where many meters talk at "
        "once, and makes every reading that much later.",
        expected="a number of milliseconds from 0 to 1000",
        default=0,
        ge=0,
        le=1000,
    )


class UplinkSection(_Section):
    """How readings are sent."""

    batch_readings: int = _setting(
        "The most readings in one message.",
        expected=f"a whole number from 1 to {MAX_BATCH_READINGS}",
        default=50,
        ge=1,
        le=MAX_BATCH_READINGS,
    )
    resend_first_s: float = _setting(
        "Seconds until a reading without a receipt goes again; each further time waits twice as long.",
        expected="a number of seconds from 1 to 600",
        default=30,
        ge=1,
        le=600,
    )
    resend_max_s: float = _setting(
        "The longest such wait in seconds.",
        expected="a number of seconds from 1 to 86400",
        default=600,
        ge=1,
        le=86_400,
    )


class MeterSection(_Section):
    """One meter of this home."""

    address: Annotated[str, BeforeValidator(_address), Field(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")] = _setting(
        "The meter's Bluetooth identity address.", expected="six pairs of hex digits such as A4:C1:38:01:02:03"
    )
    model: Annotated[str, AfterValidator(_model_name)] = _setting(
        "What kind of meter it is: the name of a file in firmware-config/meters without its .toml.",
        expected="the name of a known meter model",
    )
    passkey: int | None = _setting(
        "The digits to type when pairing, for a model with a fixed passkey printed on it.",
        expected="up to six digits",
        default=None,
        ge=0,
        le=999_999,
        secret=True,
    )
    consents: dict[Annotated[int, Field(ge=0, le=254)], Annotated[int, Field(ge=0, le=9999)]] = _setting(
        "The codes of the people set up on it, by slot, for a scale that keeps each person's weighings behind a code.",
        expected="slots from 0 to 254, each with its code from 0 to 9999, such as { 1 = 1234 }",
        default={},
        secret=True,
    )


class IndicatorSection(_Section):
    """The receipt in the living room: a light and tones that say whether a measurement arrived."""

    led: Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.-]{1,64}$")] | None = _setting(
        "The light that shows it, by its name below /sys/class/leds; none forbids it. Without it no light is used "
        "unless the backend's configuration asks for one, which is then ACT.",
        expected="the name of a light of this machine, such as ACT, or none",
        default=None,
    )
    sound: bool = _setting("Whether tones say it too.", expected="true or false", default=False)
    sound_device: str | None = _setting(
        "The loudspeaker, as 'aplay -L' names it; without it ALSA's default.",
        expected="the name of an ALSA device",
        default=None,
        min_length=1,
    )
    volume: float = _setting(
        "How loud the tones are; 1 is as loud as the loudspeaker is set.",
        expected="a number from 0 to 1",
        default=0.4,
        ge=0,
        le=1,
    )
    quiet_from: HourMinute = _setting(
        "When the living room's night begins, in the home's time: no light, no tone.",
        expected="hours and minutes such as 22:00",
        default="22:00",
    )
    quiet_to: HourMinute = _setting(
        "When that night ends; the same as quiet_from means that there is none.",
        expected="hours and minutes such as 07:00",
        default="07:00",
    )


class GatewaySettings(_Section):
    """Everything that can be set."""

    gateway: GatewaySection = Field(description="This gateway and its home.")
    mqtt: MqttSection = Field(description="The broker. It must speak MQTT 5.")
    bluetooth: BluetoothSection = Field(default_factory=BluetoothSection, description="The radio.")
    outbox: OutboxSection = Field(default_factory=OutboxSection, description="How long the outbox keeps what.")
    uplink: UplinkSection = Field(default_factory=UplinkSection, description="How readings are sent.")
    indicator: IndicatorSection = Field(
        default_factory=IndicatorSection, description="The receipt in the living room: off unless set."
    )
    meters: tuple[MeterSection, ...] = Field(default=(), description="The meters of this home, one table each.")

    @model_validator(mode="after")
    def _one_table_per_meter(self) -> "GatewaySettings":
        addresses = [meter.address for meter in self.meters]
        twice = sorted({address for address in addresses if addresses.count(address) > 1})
        if twice:
            raise ValueError(f"meters: {twice[0]} stands there twice; remove one of the two tables")
        return self

    @property
    def outbox_file(self) -> Path:
        """The outbox's place."""
        return self.gateway.data_dir / FILE_NAME

    @property
    def configured_meters(self) -> tuple[ConfiguredMeter, ...]:
        """The meters that the settings list, as the Bluetooth side takes them."""
        return tuple(
            ConfiguredMeter(meter.address, model(meter.model), meter.passkey, meter.consents) for meter in self.meters
        )

    @property
    def control_socket(self) -> Path:
        """Where commands on this machine reach the running gateway."""
        return self.gateway.control_socket or self.gateway.data_dir / CONTROL_SOCKET
