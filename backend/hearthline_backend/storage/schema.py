"""The tables of Records: everything that is not a time series. One definition for SQLite and PostgreSQL.

Alembic's migrations create them; this module is what the code speaks. Ids that leave the building are random (UUID) or
mean nothing (an alert's number); no table holds a national number.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

from hearthline_backend.storage.utc_date_time import UtcDateTime

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_Id = BigInteger().with_variant(Integer, "sqlite")


def _number() -> Column[int]:
    return Column("id", _Id, primary_key=True, autoincrement=True)


def _uuid() -> Column[UUID]:
    return Column("id", Uuid, primary_key=True)


def _to(name: str, target: str, *, null: bool = False, **more: Any) -> Column[Any]:
    return Column(name, ForeignKey(target), nullable=null, **more)


def _time(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=null)


def _where(condition: str) -> dict[str, Any]:
    """An index of some rows only."""
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


# --- who: organisations, teams, people -----------------------------------------------------------------------------

organisations = Table("organisations", metadata, _uuid(), Column("name", String(120), nullable=False))

teams = Table(
    "teams",
    metadata,
    _uuid(),
    _to("organisation_id", "organisations.id"),
    Column("name", String(120), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("phone", String(40)),
    Column("emergency_number", String(20), nullable=False),
)

patients = Table(
    "patients",
    metadata,
    _uuid(),
    _to("team_id", "teams.id", index=True),
    Column("given_name", String(80), nullable=False),
    Column("family_name", String(80), nullable=False),
    Column("birth_year", Integer, nullable=False),
    Column("phone", String(40)),
    Column("time_zone", String(60), nullable=False),
    _time("enrolled_at"),
    _time("paused_until", null=True),
    Column("pause_reason", String(200)),
)

users = Table(
    "users",
    metadata,
    _uuid(),
    Column("login", String(80), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),  # care, technician, patient
    Column("initials", String(8), nullable=False),
    Column("title", String(40), nullable=False),  # Nurse, Doctor, Technician; translated on the screen
    _to("organisation_id", "organisations.id"),
    _to("team_id", "teams.id", null=True),  # care only
    _to("patient_id", "patients.id", null=True),  # patient only
    Column("locale", String(10), nullable=False),
    Column("theme", String(10)),  # light, dark, null: as the system
    Column("single_keys", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    _uuid(),
    _to("user_id", "users.id", index=True),
    Column("channel", String(20), nullable=False),  # mail, webhook
    Column("address", String(300), nullable=False),
    Column("secret", String(200)),  # signs a webhook
    Column("position", Integer, nullable=False),
)

on_call = Table(
    "on_call",
    metadata,
    _number(),
    _to("team_id", "teams.id", index=True),
    _to("user_id", "users.id"),
    Column("position", Integer, nullable=False),  # 0 is called first, then 1 ...
    _time("starts_at"),
    _time("ends_at", null=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _to("user_id", "users.id", index=True),
    Column("csrf", String(64), nullable=False),
    _time("created_at"),
    _time("seen_at"),
    _time("expires_at"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    _number(),
    Column("subject", String(64), nullable=False),  # SHA-256 of login or of address, so that no list of logins grows
    _time("at"),
    Index("ix_sign_in_attempts_subject_at", "subject", "at"),
)

access_log = Table(
    "access_log",
    metadata,
    _number(),
    _time("at"),
    _to("user_id", "users.id"),
    _to("patient_id", "patients.id"),
    Column("view", String(40), nullable=False),
    Index("ix_access_log_patient_id_at", "patient_id", "at"),
)

# --- homes: gateways, meters, whose they are ----------------------------------------------------------------------

gateways = Table(
    "gateways",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("home", String(20), nullable=False, unique=True),
    _to("organisation_id", "organisations.id"),
    Column("time_zone", String(60), nullable=False),
    _time("enrolled_at"),
    Column("status", JSON),  # the last GatewayStatus, as sent
    _time("status_at", null=True),
    _time("heard_at", null=True),
    Column("reported", JSON),  # the last ReportedConfiguration, as sent
    _time("reported_at", null=True),
)

configurations = Table(
    "configurations",
    metadata,
    _number(),
    _to("gateway", "gateways.name"),
    Column("revision", Integer, nullable=False),
    Column("content", JSON, nullable=False),  # DesiredConfiguration
    _to("changed_by", "users.id", null=True),  # null: taken up from what the gateway reported
    _time("changed_at"),
    UniqueConstraint("gateway", "revision"),
)

commands = Table(
    "commands",
    metadata,
    _uuid(),
    _to("gateway", "gateways.name"),
    Column("work", JSON, nullable=False),  # what was asked, without the digits of a pairing
    _to("asked_by", "users.id"),
    _time("sent_at"),
    _time("expires_at"),
    Column("state", String(20), nullable=False),  # sent, then what the newest reply says
    Column("reply", JSON),  # the newest CommandReply
    _time("replied_at", null=True),
    Index("ix_commands_gateway_sent_at", "gateway", "sent_at"),
)

sensors = Table(
    "sensors",
    metadata,
    Column("address", String(17), primary_key=True),
    _to("gateway", "gateways.name", index=True),
    Column("model", String(80), nullable=False),
    Column("device", String(40), nullable=False),  # cuff, oximeter, scale, thermometer
    _time("added_at"),
)

assignments = Table(
    "assignments",
    metadata,
    _uuid(),
    _to("sensor", "sensors.address"),
    Column("user_slot", Integer),  # null: every slot of the meter
    _to("patient_id", "patients.id", index=True),
    _time("valid_from"),
    _time("valid_until", null=True),
    _to("assigned_by", "users.id", null=True),
    Column("shared", Boolean, nullable=False, server_default=false()),  # one of several people on a meter without slots
    Index("ix_assignments_sensor_valid_from", "sensor", "valid_from"),
)

claims = Table(
    "claims",
    metadata,
    Column("reading_id", Uuid, primary_key=True),
    _to("patient_id", "patients.id", null=True),  # null: a guest's, kept apart
    _to("claimed_by", "users.id", null=True),  # null: at the command line
    _time("claimed_at"),
)

reading_places = Table(  # the register of an engine that cannot look a reading up by its id, see storage/influxdb
    "reading_places",
    metadata,
    Column("patient_id", Uuid, primary_key=True),  # no foreign key: what stands in a store is the store's business
    Column("time_us", BigInteger, primary_key=True),  # effective time, microseconds since 1970-01-01 UTC
    Column("kind", String(64), primary_key=True),
    Column("slot", Integer, primary_key=True),  # 0; tells readings of one moment apart
    Column("reading_id", Uuid, nullable=False),
    Column("aside", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),  # 0 stands here, 1 is to come, 2 leaves, 3 has left, 4 is erased
    Column("claim", BigInteger, nullable=False),  # of whoever wrote the point; 0 for one that surely is written
    Index("ux_reading_places_standing", "reading_id", unique=True, **_where("state = 0")),
    Index("ix_reading_places_moved", "patient_id", **_where("state <> 0")),
    Index("ix_reading_places_moving", "reading_id", **_where("state <> 0")),
    sqlite_with_rowid=False,
)

reading_bucket = Table(  # the one bucket that the places are in
    "reading_bucket",
    metadata,
    Column("bucket_id", String(64), primary_key=True),
)

reading_claims = Table(  # places taken whose points may not be written yet
    "reading_claims",
    metadata,
    Column("claim", BigInteger, primary_key=True, autoincrement=False),
    _time("opened_at"),
)

corrections = Table(
    "corrections",
    metadata,
    _number(),
    Column("reading_id", Uuid, nullable=False, index=True),
    Column("kind", String(64)),
    Column("what", String(30), nullable=False),  # claimed, unclaimed, moved, dated, entered_in_error, restored
    Column("patient_before", Uuid, index=True),
    Column("patient_after", Uuid, index=True),
    _time("effective_before", null=True),
    _time("effective_after", null=True),
    Column("aside_before", Boolean, nullable=False, server_default=false()),
    Column("aside_after", Boolean, nullable=False, server_default=false()),
    Column("judgement", JSON),  # the row of the register that was taken back, if any
    _to("by", "users.id", null=True),  # null: at the command line
    _time("at"),
    _time("finished_at", null=True),  # null: written first, and not yet done
    Column("reason", String(300), nullable=False),
    Index("ix_corrections_finished_at", "finished_at"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("topic", String(20), primary_key=True),  # homes, care
    Column("number", BigInteger, nullable=False),  # grows by triggers, see migration 0004
)

# --- judging: plans, the register of judged ids, alerts -----------------------------------------------------------

plans = Table(
    "plans",
    metadata,
    _uuid(),
    _to("patient_id", "patients.id"),
    Column("version", Integer, nullable=False),
    Column("conditions", JSON, nullable=False),  # names of templates
    Column("content", JSON, nullable=False),  # domain.plans.Plan, validated when read and written
    _time("valid_from"),
    _time("created_at"),
    _to("author_id", "users.id", null=True),
    Column("reason", String(300), nullable=False),
    UniqueConstraint("patient_id", "version"),
)

judged = Table(
    "judged",
    metadata,
    Column("reading_id", Uuid, primary_key=True),
    _to("patient_id", "patients.id"),
    Column("kind", String(64), nullable=False),
    _time("effective_time"),
    _time("judged_at"),
    Column("explanation", JSON, nullable=False),  # per rule: what it saw, whether it fired, why nobody was called
    sqlite_with_rowid=False,  # one row a reading: written once, at the end of the tree
)

alerts = Table(
    "alerts",
    metadata,
    _number(),
    _to("patient_id", "patients.id"),
    Column("rule_id", String(80), nullable=False),
    Column("episode", Uuid, nullable=False),  # id of the reading that opened the episode
    Column("kind", String(64), nullable=False),
    Column("level", String(10), nullable=False),  # red, yellow: the worst so far
    Column("state", String(20), nullable=False),  # open, acknowledged, resolved, withdrawn
    Column("cleared", Boolean, nullable=False),  # the value is back within limits; a red still needs a person
    Column("review", Boolean, nullable=False),  # late: a task, nobody was called as if it were now
    Column("plan_version", Integer, nullable=False),
    _time("opened_at"),
    _time("effective_time"),  # of the reading that opened it
    _time("last_effective_time"),  # of the newest reading in the episode
    Column("worst_reading", Uuid, nullable=False),
    _to("owner_id", "users.id", null=True),
    _time("owned_at", null=True),
    _time("review_by", null=True),
    _time("resolved_at", null=True),
    Column("outcome", String(30)),
    UniqueConstraint("patient_id", "rule_id", "episode"),
    Index("ix_alerts_patient_id_state", "patient_id", "state"),
)

alert_readings = Table(
    "alert_readings",
    metadata,
    Column("alert_id", ForeignKey("alerts.id"), primary_key=True),
    Column("reading_id", Uuid, primary_key=True),
)

alert_events = Table(
    "alert_events",
    metadata,
    _number(),
    _to("alert_id", "alerts.id", index=True),
    _time("at"),
    Column("what", String(30), nullable=False),  # raised, worsened, eased, cleared, acknowledged, resolved, ...
    _to("actor_id", "users.id", null=True),
    Column("detail", JSON, nullable=False),
    Column("note", Text),
)

# --- what is due: calls, escalations ------------------------------------------------------------------------------

notifications = Table(
    "notifications",
    metadata,
    _uuid(),  # also the Message-ID's local part and the idempotency key: repeats carry the same
    _to("alert_id", "alerts.id", index=True),
    _to("user_id", "users.id"),
    _to("contact_id", "contacts.id"),
    Column("occasion", String(20), nullable=False),  # raised, worsened, reopened, escalated, comes_back
    Column("state", String(20), nullable=False),  # due, sent, failed, cancelled
    _time("created_at"),
    _time("due_at"),
    _time("claimed_until", null=True),
    _time("sent_at", null=True),
    Index("ix_notifications_state_due_at", "state", "due_at"),
)

attempts = Table(
    "attempts",
    metadata,
    _number(),
    _to("notification_id", "notifications.id", index=True),
    Column("number", Integer, nullable=False),
    _time("started_at"),  # committed before anything is sent, so that a crash in the middle is known
    _time("ended_at", null=True),
    Column("outcome", String(20)),  # sent, failed; null: not known, the next one says "repeat"
    Column("detail", String(300)),
    Column("repeat", Boolean, nullable=False),
    UniqueConstraint("notification_id", "number"),
)

due = Table(
    "due",
    metadata,
    _uuid(),
    Column("what", String(30), nullable=False),  # escalate, come_back
    _to("alert_id", "alerts.id", null=True, index=True),
    Column("payload", JSON, nullable=False),
    _time("due_at"),
    _time("claimed_until", null=True),
    _time("done_at", null=True),
    Column("outcome", String(200)),
    Index("ix_due_done_at_due_at", "done_at", "due_at"),
)

# --- what could not be taken ---------------------------------------------------------------------------------------

quarantine = Table(
    "quarantine",
    metadata,
    _number(),
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
    _time("received_at"),
    _time("last_received_at"),
    UniqueConstraint("gateway", "payload_sha256", "reason", "reading_id"),
    Index("ix_quarantine_gateway_received_at", "gateway", "received_at"),
)
