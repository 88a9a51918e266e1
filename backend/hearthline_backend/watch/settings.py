"""The watchdog's own settings: it has its own way out and nothing in common with what it watches."""

import os
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hearthline_backend.settings import SettingRow, SettingsError, in_words, read_toml, rows_of, secret
from hearthline_backend.uplink.address import BrokerAddress
from hearthline_backend.watch.hops import DEFAULT, Hop, Rhythm
from hearthline_protocol.topics import GATEWAY_NAME

PREFIX: Final = "HEARTHLINE_WATCH_"
_WEB: Final = ("http://", "https://")
Seconds = Annotated[float, Field(ge=0.05, le=86_400)]


class WatchSettings(BaseSettings):
    """Every setting of ``hearthline watch``. In the environment a name is upper case after ``HEARTHLINE_WATCH_``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    gateway: Annotated[
        str,
        Field(
            pattern=f"^{GATEWAY_NAME.pattern}$",
            description="The name it has at the broker, as user and as gateway; the backend's watch_gateway.",
        ),
    ] = "watch"
    mqtt_url: Annotated[str, Field(description="The broker: mqtt://host:1883, or mqtts://host:8883 with TLS.")] = (
        "mqtt://127.0.0.1:1883"
    )
    mqtt_password_file: Annotated[
        Path | None, Field(description="File that holds its password for the broker. Without one it gives no name.")
    ] = None
    mqtt_ca_file: Annotated[
        Path | None, Field(description="Certificates that may sign the broker's. Default: the system's.")
    ] = None
    site_url: Annotated[
        str | None, Field(description="The web site, which is asked for /healthz. Without one the site is not watched.")
    ] = None
    ready_urls: Annotated[
        tuple[str, ...], Field(description="Addresses of /readyz of `serve` and `work`, as a JSON list.")
    ] = ()
    mail_to: Annotated[str | None, Field(description="The operator's mail address.")] = None
    smtp_host: Annotated[str | None, Field(description="Mail server; better another one than that of the alerts.")] = (
        None
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535, description="Its port; 465 is TLS from the start.")] = 25
    smtp_user: Annotated[str | None, Field(description="Name to sign in to it with; TLS is demanded then.")] = None
    smtp_password_file: Annotated[Path | None, Field(description="File that holds the password for it.")] = None
    smtp_from: Annotated[str, Field(description="Sender of the mails.")] = "hearthline-watch@localhost"
    webhook_url: Annotated[str | None, Field(description="Address that is called with a signed POST.")] = None
    webhook_secret_file: Annotated[
        Path | None, Field(description="File that holds the secret by which the receiver checks the signature.")
    ] = None
    heartbeat_url: Annotated[
        str | None,
        Field(description="Address outside that is fetched every round while all is good, and calls when that ends."),
    ] = None
    every_s: Annotated[Seconds, Field(description="A synthetic reading is sent this often.")] = DEFAULT.every_s
    broker_within_s: Annotated[Seconds, Field(description="How long the broker may be away.")] = DEFAULT.broker_within_s
    receipt_within_s: Annotated[Seconds, Field(description="How long a receipt may take.")] = DEFAULT.receipt_within_s
    alert_within_s: Annotated[Seconds, Field(description="How long the alert may take.")] = DEFAULT.alert_within_s
    site_within_s: Annotated[Seconds, Field(description="How long site and /readyz may give no good answer.")] = (
        DEFAULT.site_within_s
    )
    repeat_every_s: Annotated[
        Seconds, Field(description="The operator is called again this often while something is broken.")
    ] = DEFAULT.repeat_every_s
    http_host: Annotated[str, Field(description="Address /healthz and /metrics are answered on.")] = "127.0.0.1"
    http_port: Annotated[
        int | None, Field(ge=0, le=65535, description="Port of /healthz and /metrics. Without one nothing is answered.")
    ] = None
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="How much is logged.")] = (
        "info"
    )
    log_format: Annotated[
        Literal["auto", "json", "text"], Field(description="auto: text at a terminal, else one JSON object a line.")
    ] = "auto"

    @field_validator("mqtt_url")
    @classmethod
    def _broker(cls, url: str) -> str:
        BrokerAddress.parse(url)
        return url

    @field_validator("site_url", "webhook_url", "heartbeat_url")
    @classmethod
    def _web(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(_WEB):
            raise ValueError("a web address such as https://hearthline.example.org")
        return None if url is None else url.rstrip("/")

    @field_validator("ready_urls")
    @classmethod
    def _all_web(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        if not all(url.startswith(_WEB) for url in urls):
            raise ValueError('web addresses such as ["http://backend:8081/readyz"]')
        return urls

    @model_validator(mode="after")
    def _somebody_is_called(self) -> Self:
        if (self.mail_to is None) != (self.smtp_host is None):
            raise ValueError("mail_to and smtp_host belong together")
        if (self.webhook_url is None) != (self.webhook_secret_file is None):
            raise ValueError("webhook_url and webhook_secret_file belong together")
        if self.mail_to is None and self.webhook_url is None:
            raise ValueError("nobody would be called: set mail_to and smtp_host, or webhook_url and its secret")
        return self

    @property
    def rhythm(self) -> Rhythm:
        """How often it acts and how long it waits."""
        return Rhythm(
            self.every_s,
            self.broker_within_s,
            self.receipt_within_s,
            self.alert_within_s,
            self.site_within_s,
            self.repeat_every_s,
        )

    @property
    def hops(self) -> frozenset[Hop]:
        """What can be watched with these settings."""
        without = set()
        if self.site_url is None:
            without |= {Hop.SITE, Hop.LIVE}
        if not self.ready_urls:
            without.add(Hop.READY)
        return frozenset(Hop) - without

    @property
    def broker(self) -> BrokerAddress:
        """The broker with the password read from its file. Raises :class:`SettingsError`."""
        if self.mqtt_password_file is None:
            return BrokerAddress.parse(self.mqtt_url, ca_file=self.mqtt_ca_file)
        password = secret(self.mqtt_password_file, "mqtt_password_file")
        return BrokerAddress.parse(self.mqtt_url, username=self.gateway, password=password, ca_file=self.mqtt_ca_file)


def load(config: Path | None = None) -> WatchSettings:
    """Settings from the environment and, for what it does not say, from a TOML file. Raises :class:`SettingsError`."""
    content = {} if config is None else read_toml(config)
    given = {name: value for name, value in content.items() if f"{PREFIX}{name.upper()}" not in os.environ}
    try:
        return WatchSettings(**given)
    except ValidationError as error:
        raise SettingsError(in_words(error, config, PREFIX)) from None


def settings_table() -> list[SettingRow]:
    """Every setting, from which the reference is made."""
    return rows_of(WatchSettings, PREFIX)
