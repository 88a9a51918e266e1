"""The ways by which calls leave, as the settings say."""

import structlog

from hearthline_backend.alerting.channels import Channel
from hearthline_backend.alerting.channels_apprise import AppriseChannel
from hearthline_backend.alerting.mail import MailChannel, MailServer
from hearthline_backend.alerting.webhook import WebhookChannel
from hearthline_backend.settings import Settings, secret

log = structlog.get_logger(__name__)


def open_channels(settings: Settings) -> dict[str, Channel]:
    """By name; mail only where there is a mail server. Raises :class:`~hearthline_backend.settings.SettingsError`."""
    channels: dict[str, Channel] = {"webhook": WebhookChannel(), "apprise": AppriseChannel()}
    if settings.smtp_host is None:
        log.warning("no_mail_server", message="smtp_host is not set: nobody is called by mail")
        return channels
    file = settings.smtp_password_file
    password = None if file is None else secret(file, "smtp_password_file")
    server = MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.smtp_user, password)
    return channels | {"mail": MailChannel(server)}
