"""The table of what could not be taken."""

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, String, Table, UniqueConstraint, Uuid

from hearthline_backend.storage.columns import metadata, moment, number_id

quarantine: Final = Table(
    "quarantine",
    metadata,
    number_id(),
    Column("gateway", String(63), nullable=False),  # not a foreign key: an unknown gateway is one of the reasons
    Column("status", String(20), nullable=False),  # rejected, held, released, discarded
    Column("reason", String(60), nullable=False),  # not_json, wrong_schema, unknown_kind, ...
    Column("message", String(500), nullable=False),
    Column("reading_id", Uuid),
    Column("batch", String(64)),
    Column("payload", LargeBinary),  # null past the gateway's quota: hash and count stay
    Column("payload_sha256", String(64), nullable=False),
    Column("payload_bytes", Integer, nullable=False),
    Column("count", Integer, nullable=False),
    moment("received_at"),
    moment("last_received_at"),
    UniqueConstraint("gateway", "payload_sha256", "reason", "reading_id"),
    Index("ix_quarantine_gateway_received_at", "gateway", "received_at"),
)
