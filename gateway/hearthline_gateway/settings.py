"""The gateway's settings: one table from which the checks, the messages and the documentation are made."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, get_args
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
from pydantic.fields import FieldInfo

from hearthline_gateway.meter_models import UnknownModelError, model
from hearthline_gateway.outbox import FILE_NAME
from hearthline_gateway.uplink.address import BrokerAddress
from hearthline_protocol.messages import MAX_BATCH_READINGS
from hearthline_protocol.topics import GATEWAY_NAME

PREFIX: Final = "HEARTHLINE_GATEWAY__"
"""What the name of every environment variable for a setting begins with."""

_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


def _setting(meaning: str, *, expected: str, default: Any = ..., secret: bool = False, **limits: Any) -> Any:
    """``meaning`` and ``expected`` are what people read: in the documentation and when the value is wrong."""
    extra: dict[str, JsonValue] = {"expected": expected, "secret": secret}
    return Field(default, description=meaning, json_schema_extra=extra, repr=not secret, **limits)


def _beside_the_file(path: Path, info: ValidationInfo) -> Path:
    base: Path | None = (info.context or {}).get("folder")
    return base / path if base is not None else path


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

    adapter: str | None = _setting(
        "The Bluetooth adapter to use; without it the first one.",
        expected="the name that bluetoothctl or hciconfig shows, such as hci0",
        default=None,
        pattern=r"^hci\d+$",
    )
    max_connections: int = _setting(
        "How many meters may be connected at a time; from 2 on they stay connected while there is room for all.",
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


class GatewaySettings(_Section):
    """Everything that can be set."""

    gateway: GatewaySection = Field(description="This gateway and its home.")
    mqtt: MqttSection = Field(description="The broker. It must speak MQTT 5.")
    bluetooth: BluetoothSection = Field(default_factory=BluetoothSection, description="The radio.")
    outbox: OutboxSection = Field(default_factory=OutboxSection, description="How long the outbox keeps what.")
    uplink: UplinkSection = Field(default_factory=UplinkSection, description="How readings are sent.")
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


class Setting(NamedTuple):
    """One line of the table. ``name`` is dotted, ``meters[]`` standing for each meter; ``environment`` is the variable
    that takes its place. ``default`` is empty where it must be given (``needed``) or where its absence means something;
    a ``secret`` is never shown in a message."""

    name: str
    environment: str
    type: str
    default: str
    needed: bool
    expected: str
    help: str
    secret: bool


def settings_table() -> tuple[Setting, ...]:
    """All settings, in the order in which a file would list them."""
    return tuple(_settings(GatewaySettings, ""))


def _settings(model: type[BaseModel], prefix: str) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            yield _row(f"{prefix}{name}", field)
        else:
            yield from _settings(section, f"{prefix}{name}{'.' if field.annotation is section else '[].'}")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model behind a table or an array of tables; None for a plain setting."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _row(name: str, field: FieldInfo) -> Setting:
    extra: dict[str, Any] = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    default = "" if field.is_required() or field.default is None else str(field.default)
    return Setting(
        name=name,
        environment=PREFIX + name.partition("[]")[0].replace(".", "__").upper(),
        type=_type_name(field.annotation),
        default=default,
        needed=field.is_required(),
        expected=str(extra["expected"]),
        help=field.description or "",
        secret=bool(extra["secret"]),
    )


def _type_name(annotation: Any) -> str:
    """The type as TOML calls it."""
    for kind in (annotation, *get_args(annotation)):
        if kind is int:
            return "integer"
        if kind is float:
            return "number"
    return "string"
