"""The tables of work on homes from afar: what a gateway's configuration should be, and what it is asked to do."""

from typing import Final

from sqlalchemy import JSON, Column, Index, Integer, String, Table, UniqueConstraint

from hearthline_backend.storage.columns import metadata, moment, number_id, to, uuid_id

configurations: Final = Table(
    "configurations",
    metadata,
    number_id(),
    to("gateway", "gateways.name"),
    Column("revision", Integer, nullable=False),
    Column("content", JSON, nullable=False),  # DesiredConfiguration
    to("changed_by", "users.id", null=True),  # null: taken up from what the gateway reported
    moment("changed_at"),
    UniqueConstraint("gateway", "revision"),
)

commands: Final = Table(
    "commands",
    metadata,
    uuid_id(),
    to("gateway", "gateways.name"),
    Column("work", JSON, nullable=False),  # what was asked, without the digits of a pairing
    to("asked_by", "users.id"),
    moment("sent_at"),
    moment("expires_at"),
    Column("state", String(20), nullable=False),  # sent, then what the newest reply says
    Column("reply", JSON),  # the newest CommandReply
    moment("replied_at", null=True),
    Index("ix_commands_gateway_sent_at", "gateway", "sent_at"),
)
