"""The tables of what people ask of alerts from now on: snoozes, and acknowledgements that came in by webhook."""

from typing import Final

from sqlalchemy import Column, Index, Integer, String, Table

from hearthline_backend.storage.columns import metadata, moment, number_id, to, where

snoozes: Final = Table(
    "snoozes",
    metadata,
    number_id(),
    to("patient_id", "patients.id"),
    Column("rule_id", String(80), nullable=False),
    Column("direction", String(10), nullable=False),  # above, below, rises, falls, any
    Column("level", String(10), nullable=False),  # what is worse than this breaks through
    to("alert_id", "alerts.id", index=True),  # where it was asked for
    to("made_by", "users.id"),
    moment("made_at"),
    moment("until"),
    moment("due_at"),  # when what is still past its limit comes back: until, or when a pause ends after it
    moment("ended_at", null=True),
    to("ended_by", "users.id", null=True),  # null: its time was over
    Index("ix_snoozes_patient_id", "patient_id", **where("ended_at IS NULL")),
    Index("ix_snoozes_due_at", "due_at", **where("ended_at IS NULL")),
)

heard_acknowledgements: Final = Table(
    "heard_acknowledgements",
    metadata,
    Column("signature", String(64), primary_key=True),  # each is acted upon once
    to("contact_id", "contacts.id"),
    to("alert_id", "alerts.id"),
    moment("heard_at"),
    Column("status", Integer, nullable=False),  # of the answer, which a repeat gets again
    Column("said", String(30), nullable=False),
    Index("ix_heard_acknowledgements_heard_at", "heard_at"),
)
