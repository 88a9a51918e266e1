"""The tables of Records about extraordinary reports: the evidence when a patient turned yellow, and who read it."""

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from hearthline_backend.storage import schema, silence_tables
from hearthline_backend.storage.columns import metadata, moment, number_id, to, where

reports = Table(
    "reports",
    metadata,
    number_id(),
    to("patient_id", "patients.id"),
    Column("number", Integer, nullable=False),  # of this patient, from 1: stands in the address of its view
    Column("content", JSON, nullable=False),  # storage.records.report_content.ReportContent, never changed
    moment("made_at"),
    moment("confirm_by"),
    moment("due_at", null=True),  # when somebody is called for it, or it is looked at again; null: never
    Column("calling", JSON, nullable=False),  # how far calling has come, see alerting.agreement.Round
    to("superseded_by", "alerts.id", null=True),  # the red alert that calls instead
    moment("withdrawn_at", null=True),
    to("confirmed_by", "users.id", null=True),
    moment("confirmed_at", null=True),
    UniqueConstraint("patient_id", "number"),
    Index("ix_reports_due_at", "due_at", **where("due_at IS NOT NULL")),
    Index("ix_reports_waiting", "patient_id", **where("confirmed_at IS NULL AND withdrawn_at IS NULL")),
)

report_alerts = Table(  # the alerts by which the patient turned yellow: of each there is one report at most
    "report_alerts",
    metadata,
    Column("alert_id", ForeignKey(schema.alerts.c.id), primary_key=True),
    to("report_id", "reports.id", index=True),
)

report_events = Table(
    "report_events",
    metadata,
    number_id(),
    to("report_id", "reports.id", index=True),
    moment("at"),
    Column("what", String(30), nullable=False),  # made, called, escalated, last_resort, superseded, confirmed, ...
    to("actor_id", "users.id", null=True),
    Column("detail", JSON, nullable=False),
    Column("note", Text),
)

report_notices = Table(
    "report_notices",
    metadata,
    Column("notice_id", ForeignKey(silence_tables.notices.c.id), primary_key=True),
    to("report_id", "reports.id", index=True),
)
