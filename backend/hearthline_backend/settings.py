"""The backend's settings: one table with name, default and meaning, from the environment or one TOML file."""

import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hearthline_backend.errors import HearthlineError
from hearthline_backend.storage.influxdb.address import EXAMPLE as INFLUXDB_EXAMPLE
from hearthline_backend.storage.influxdb.address import InfluxAddress
from hearthline_backend.uplink.address import BrokerAddress
from hearthline_protocol.topics import GATEWAY_NAME

PREFIX: Final = "HEARTHLINE_"
READINGS_FILE: Final = "readings.sqlite3"
RECORDS_FILE: Final = "records.sqlite3"
RESTORE_MARK: Final = "restore-not-finished.json"
"""In data_dir while `hearthline restore` is under way."""
_EMBEDDED: Final = "embedded:///"


class SettingsError(HearthlineError):
    """Settings that cannot be used. The text names each one, says what was expected, and where it can be set."""


class Settings(BaseSettings):
    """Every setting of ``hearthline``. In the environment a name is upper case after ``HEARTHLINE_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    profile: Annotated[
        Literal["demo", "production"],
        Field(description="demo: one machine, no real patients. production refuses what is not safe."),
    ] = "production"
    data_dir: Annotated[Path, Field(description="Folder of the embedded stores. It must exist or can be made.")] = Path(
        "/var/lib/hearthline"
    )
    http_host: Annotated[str, Field(description="Address the web site listens on.")] = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65535, description="Port of the web site; 0 takes any free one.")] = 8080
    operations_host: Annotated[str, Field(description="Address operations_port listens on.")] = "127.0.0.1"
    operations_port: Annotated[
        int | None,
        Field(
            ge=0,
            le=65535,
            description="Port of /readyz and /metrics beside the site. Without one only the demo answers them, on "
            "the site's port, to callers on the same machine. `hearthline work` has them on http_port.",
        ),
    ] = None
    ingest: Annotated[
        bool,
        Field(description="Whether `hearthline serve` takes readings too. Not where `hearthline work` runs for it."),
    ] = True
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug follows every batch by its id.")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "text"], Field(description="auto: text at a terminal, else one JSON object a line.")
    ] = "auto"
    public_url: Annotated[
        str | None,
        Field(description="The site's address as its users type it; it stands in mails. https in production."),
    ] = None
    cookie_secure: Annotated[
        bool | None, Field(description="Send the session cookie over https only. Default: yes, except in the demo.")
    ] = None
    trusted_proxies: Annotated[
        tuple[str, ...], Field(description="Addresses of proxies whose X-Forwarded-For is believed, as a JSON list.")
    ] = ()
    mqtt_url: Annotated[str, Field(description="The broker: mqtt://host:1883, or mqtts://host:8883 with TLS.")] = (
        "mqtt://127.0.0.1:1883"
    )
    mqtt_username: Annotated[str | None, Field(description="Name to sign in to the broker with.")] = None
    mqtt_password_file: Annotated[Path | None, Field(description="File that holds the password for the broker.")] = None
    mqtt_ca_file: Annotated[
        Path | None, Field(description="Certificates that may sign the broker's. Default: the system's.")
    ] = None
    mqtt_engine: Annotated[
        Literal["mqtt5", "paho"],
        Field(description="What speaks to the broker. mqtt5 is the faster one; paho is the widely used client."),
    ] = "mqtt5"
    mqtt_receive_maximum: Annotated[
        int, Field(ge=1, le=65535, description="Messages under way to one process before it acknowledges any.")
    ] = 1000
    mqtt_share: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_.-]{1,64}$",
            description="Group of processes that share out the readings, all with the same broker password. Default: "
            "none, one process takes them all.",
        ),
    ] = None
    readings_url: Annotated[
        str | None,
        Field(
            description=f"Store of readings: embedded:///folder/{READINGS_FILE}, by default in data_dir; or "
            "influxdb://host:8086/organisation/bucket of InfluxDB 2, influxdbs:// with TLS."
        ),
    ] = None
    influxdb_token_file: Annotated[
        Path | None, Field(description="File that holds the token for InfluxDB, which may read and write the bucket.")
    ] = None
    influxdb_ca_file: Annotated[
        Path | None, Field(description="Certificates that may sign InfluxDB's. Default: the system's.")
    ] = None
    records_url: Annotated[
        str | None, Field(description=f"Store of records, a SQLAlchemy URL. Default: {RECORDS_FILE} in data_dir.")
    ] = None
    records_password_file: Annotated[
        Path | None, Field(description="File that holds the password of the user in records_url.")
    ] = None
    smtp_host: Annotated[str | None, Field(description="Mail server. Without one no mail is sent.")] = None
    smtp_port: Annotated[
        int, Field(ge=1, le=65535, description="Port of the mail server; 465 is TLS from the start.")
    ] = 25
    smtp_user: Annotated[
        str | None, Field(description="Name to sign in to the mail server with; TLS is demanded then.")
    ] = None
    smtp_password_file: Annotated[
        Path | None, Field(description="File that holds the password for the mail server.")
    ] = None
    smtp_from: Annotated[str, Field(description="Sender of the mails.")] = "hearthline@localhost"
    report_confirm_within_min: Annotated[
        int,
        Field(
            ge=15,
            le=7 * 24 * 60,
            description="Minutes within which somebody has to confirm the report on a patient who turned yellow; quiet "
            "hours do not count. Then the team's steps are called. A team may agree another time in its rota.",
        ),
    ] = 240
    watch_gateway: Annotated[
        str,
        Field(
            pattern=f"^{GATEWAY_NAME.pattern}$",
            description="The name by which `hearthline watch` signs in to the broker. Its synthetic readings are taken "
            "without its being enrolled, and nothing else of it.",
        ),
    ] = "watch"

    @field_validator("public_url")
    @classmethod
    def _without_slash(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("a web address such as https://hearthline.example.org")
        return None if url is None else url.rstrip("/")

    @field_validator("mqtt_url")
    @classmethod
    def _broker(cls, url: str) -> str:
        BrokerAddress.parse(url)
        return url

    @field_validator("readings_url")
    @classmethod
    def _known_engine(cls, url: str | None) -> str | None:
        if url is not None and url.startswith("influxdb"):
            InfluxAddress.parse(url)
        elif url is not None and not url.startswith(_EMBEDDED):
            raise ValueError(f"an address such as {_EMBEDDED}var/lib/hearthline/{READINGS_FILE} or {INFLUXDB_EXAMPLE}")
        return url

    @model_validator(mode="after")
    def _token_for_influxdb(self) -> Self:
        if self.influxdb is not None and self.influxdb_token_file is None:
            raise ValueError("influxdb_token_file is needed where readings_url is InfluxDB's")
        return self

    @model_validator(mode="after")
    def _password_has_a_user(self) -> Self:
        user = urlsplit(self.records_url or "").netloc.rpartition("@")[0]
        if self.records_password_file is not None and (not user or ":" in user):
            wanted = "postgresql+asyncpg://user@host/database"
            raise ValueError(f"records_password_file needs a records_url with a user and no password: {wanted}")
        return self

    @model_validator(mode="after")
    def _safe(self) -> Self:
        found = "; ".join(self._unsafe())
        if found:
            raise ValueError(f"{found}. On one machine without real patients, set profile to demo instead")
        return self

    def _unsafe(self) -> Iterator[str]:
        """What production does not start with."""
        if self.profile == "demo":
            return
        if self.mqtt_username is None or self.mqtt_password_file is None:
            yield "mqtt_username and mqtt_password_file are needed: no anonymous MQTT"
        if self.cookie_secure is False:
            yield "cookie_secure cannot be false: no session cookie over plain HTTP"
        if self.public_url is None or not self.public_url.startswith("https://"):
            yield "public_url is needed and begins with https://"

    def make_data_dir(self) -> None:
        """Make the folder of the embedded stores where it is not there. Raises :class:`SettingsError`."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            text = f"data_dir: {self.data_dir} is no folder and cannot be made one ({error.strerror})"
            raise SettingsError(f"{text}; choose another with {PREFIX}DATA_DIR") from None
        if (self.data_dir / RESTORE_MARK).exists():
            raise SettingsError(f"a restore into {self.data_dir} is not finished; run `hearthline restore` again first")

    @property
    def secure_cookies(self) -> bool:
        """Whether the session cookie goes over https only."""
        return self.profile != "demo" if self.cookie_secure is None else self.cookie_secure

    @property
    def influxdb(self) -> InfluxAddress | None:
        """Where readings are, if that is InfluxDB."""
        url = self.readings_url
        return None if url is None or url.startswith(_EMBEDDED) else InfluxAddress.parse(url)

    @property
    def readings_file(self) -> Path:
        """Where the embedded store of readings is; its place in data_dir where readings are elsewhere."""
        if self.readings_url is None or not self.readings_url.startswith(_EMBEDDED):
            return self.data_dir / READINGS_FILE
        return Path("/") / self.readings_url.removeprefix(_EMBEDDED)

    @property
    def records_address(self) -> str:
        """Where records are, as a SQLAlchemy URL with the password from its file. Raises :class:`SettingsError`."""
        if self.records_url is None:
            return f"sqlite+aiosqlite:///{self.data_dir.absolute() / RECORDS_FILE}"
        if self.records_password_file is None:
            return self.records_url
        password = quote(secret(self.records_password_file, "records_password_file"), safe="")
        return self.records_url.replace("@", f":{password}@", 1)

    @property
    def broker(self) -> BrokerAddress:
        """The broker with the password read from its file. Raises :class:`SettingsError`."""
        password = None if self.mqtt_password_file is None else secret(self.mqtt_password_file, "mqtt_password_file")
        return BrokerAddress.parse(
            self.mqtt_url, username=self.mqtt_username, password=password, ca_file=self.mqtt_ca_file
        )


def load(config: Path | None = None) -> Settings:
    """Settings from the environment and, for what it does not say, from a TOML file. Raises :class:`SettingsError`."""
    content = {} if config is None else read_toml(config)
    given = {name: value for name, value in content.items() if f"{PREFIX}{name.upper()}" not in os.environ}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError(in_words(error, config)) from None


def secret(path: Path, setting: str) -> str:
    """The text of a secret's file without the line end. Raises :class:`SettingsError`."""
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{setting}: {path} cannot be read ({type(error).__name__}); check its path and mode"
        ) from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file. Raises :class:`SettingsError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None


def in_words(error: ValidationError, config: Path | None, prefix: str = PREFIX) -> str:
    """What is wrong with settings, one line each, and where they are set."""
    lines = ["These settings cannot be used:"]
    for one in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in one["loc"])
        if one["type"] == "extra_forbidden":
            lines.append(f"  {name}: there is no such setting")
        elif not name:
            lines.append(f"  {one['msg'].removeprefix('Value error, ')}")
        else:
            lines.append(f"  {name}: {one['msg'].removeprefix('Value error, ')}")
    where = f"the environment ({prefix}<NAME>)" + ("" if config is None else f" or {config}")
    return "\n".join([*lines, f"They are set in {where}; docs/reference/settings.md lists them all."])


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as the documentation prints it."""

    name: str
    environment: str
    type: str
    default: str
    help: str


def settings_table() -> list[SettingRow]:
    """Every setting, from which the reference is made."""
    return rows_of(Settings, PREFIX)


def rows_of(settings: type[BaseSettings], prefix: str) -> list[SettingRow]:
    """Every setting of a class of them."""
    rows = []
    for name, field in settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        kind = getattr(field.annotation, "__name__", str(field.annotation)).replace("typing.", "")
        rows.append(SettingRow(name, f"{prefix}{name.upper()}", kind, default, field.description or ""))
    return rows
