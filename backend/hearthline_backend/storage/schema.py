"""The tables of Records: everything that is not a time series. One definition for SQLite and PostgreSQL.

Alembic's migrations create them; this module is what the code speaks. Ids that leave the building are random (UUID) or
mean nothing (an alert's number); no table holds a national number.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)

from hearthline_backend.storage.columns import metadata, moment, number_id, to, uuid_id, where

# --- who: organisations, teams, people -----------------------------------------------------------------------------

organisations = Table("organisations", metadata, uuid_id(), Column("name", String(120), nullable=False))

teams = Table(
    "teams",
    metadata,
    uuid_id(),
    to("organisation_id", "organisations.id"),
    Column("name", String(120), nullable=False),
    Column("time_zone", String(60), nullable=False),
    Column("phone", String(40)),
    Column("emergency_number", String(20), nullable=False),
)

patients = Table(
    "patients",
    metadata,
    uuid_id(),
    to("team_id", "teams.id", index=True),
    Column("given_name", String(80), nullable=False),
    Column("family_name", String(80), nullable=False),
    Column("birth_year", Integer, nullable=False),
    Column("phone", String(40)),
    Column("time_zone", String(60), nullable=False),
    moment("enrolled_at"),
    moment("paused_until", null=True),
    Column("pause_reason", String(200)),
)

users = Table(
    "users",
    metadata,
    uuid_id(),
    Column("login", String(80), nullable=False, unique=True),
    Column("password_hash", String(200), nullable=False),
    Column("role", String(20), nullable=False),  # care, technician, patient
    Column("initials", String(8), nullable=False),
    Column("title", String(40), nullable=False),  # Nurse, Doctor, Technician; translated on the screen
    to("organisation_id", "organisations.id"),
    to("team_id", "teams.id", null=True),  # care only
    to("patient_id", "patients.id", null=True),  # patient only
    Column("locale", String(10), nullable=False),
    Column("theme", String(10)),  # light, dark, null: as the system
    Column("single_keys", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("time_zone", String(60)),  # null: the team's
)

contacts = Table(
    "contacts",
    metadata,
    uuid_id(),
    to("user_id", "users.id", index=True),
    Column("channel", String(20), nullable=False),  # mail, webhook, apprise
    Column("address", String(300), nullable=False),  # of apprise an URL that is a secret
    Column("secret", String(200)),  # signs a webhook
    Column("position", Integer, nullable=False),
    Column("safe", Boolean, nullable=False, server_default=false()),  # may hear clinical detail
)

on_call = Table(
    "on_call",
    metadata,
    number_id(),
    to("team_id", "teams.id", index=True),
    to("user_id", "users.id"),
    Column("position", Integer, nullable=False),  # 0 is called first, then 1 ...
    moment("starts_at"),
    moment("ends_at", null=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    to("user_id", "users.id", index=True),
    Column("csrf", String(64), nullable=False),
    moment("created_at"),
    moment("seen_at"),
    moment("expires_at"),
)

sign_in_attempts = Table(
    "sign_in_attempts",
    metadata,
    number_id(),
    Column("subject", String(64), nullable=False),  # SHA-256 of login or of address, so that no list of logins grows
    moment("at"),
    Index("ix_sign_in_attempts_subject_at", "subject", "at"),
)

access_log = Table(
    "access_log",
    metadata,
    number_id(),
    moment("at"),
    to("user_id", "users.id"),
    to("patient_id", "patients.id"),
    Column("view", String(40), nullable=False),
    Index("ix_access_log_patient_id_at", "patient_id", "at"),
)

# --- homes: gateways, meters, whose they are ----------------------------------------------------------------------

gateways = Table(
    "gateways",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("home", String(20), nullable=False, unique=True),
    to("organisation_id", "organisations.id"),
    Column("time_zone", String(60), nullable=False),
    moment("enrolled_at"),
    Column("status", JSON),  # the last GatewayStatus, as sent
    moment("status_at", null=True),
    moment("heard_at", null=True),
    Column("reported", JSON),  # the last ReportedConfiguration, as sent
    moment("reported_at", null=True),
)

sensors = Table(
    "sensors",
    metadata,
    Column("address", String(17), primary_key=True),
    to("gateway", "gateways.name", index=True),
    Column("model", String(80), nullable=False),
    Column("device", String(40), nullable=False),  # cuff, oximeter, scale, thermometer
    moment("added_at"),
)

assignments = Table(
    "assignments",
    metadata,
    uuid_id(),
    to("sensor", "sensors.address"),
    Column("user_slot", Integer),  # null: every slot of the meter
    to("patient_id", "patients.id", index=True),
    moment("valid_from"),
    moment("valid_until", null=True),
    to("assigned_by", "users.id", null=True),
    Column("shared", Boolean, nullable=False, server_default=false()),  # one of several people on a meter without slots
    Index("ix_assignments_sensor_valid_from", "sensor", "valid_from"),
)

claims = Table(
    "claims",
    metadata,
    Column("reading_id", Uuid, primary_key=True),
    to("patient_id", "patients.id", null=True),  # null: a guest's, kept apart
    to("claimed_by", "users.id", null=True),  # null: at the command line
    moment("claimed_at"),
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
    Index("ux_reading_places_standing", "reading_id", unique=True, **where("state = 0")),
    Index("ix_reading_places_moved", "patient_id", **where("state <> 0")),
    Index("ix_reading_places_moving", "reading_id", **where("state <> 0")),
    sqlite_with_rowid=False,
)

reading_bucket = Table(  # the one bucket that the places are in
    "reading_bucket", metadata, Column("bucket_id", String(64), primary_key=True)
)

reading_claims = Table(  # places taken whose points may not be written yet
    "reading_claims",
    metadata,
    Column("claim", BigInteger, primary_key=True, autoincrement=False),
    moment("opened_at"),
)

corrections = Table(
    "corrections",
    metadata,
    number_id(),
    Column("reading_id", Uuid, nullable=False, index=True),
    Column("kind", String(64)),
    Column("what", String(30), nullable=False),  # claimed, unclaimed, moved, dated, entered_in_error, restored
    Column("patient_before", Uuid, index=True),
    Column("patient_after", Uuid, index=True),
    moment("effective_before", null=True),
    moment("effective_after", null=True),
    Column("aside_before", Boolean, nullable=False, server_default=false()),
    Column("aside_after", Boolean, nullable=False, server_default=false()),
    Column("judgement", JSON),  # the row of the register that was taken back, if any
    to("by", "users.id", null=True),  # null: at the command line
    moment("at"),
    moment("finished_at", null=True),  # null: written first, and not yet done
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
    uuid_id(),
    to("patient_id", "patients.id"),
    Column("version", Integer, nullable=False),
    Column("conditions", JSON, nullable=False),  # names of templates
    Column("content", JSON, nullable=False),  # domain.plans.Plan, validated when read and written
    moment("valid_from"),
    moment("created_at"),
    to("author_id", "users.id", null=True),
    Column("reason", String(300), nullable=False),
    UniqueConstraint("patient_id", "version"),
)

judged = Table(
    "judged",
    metadata,
    Column("reading_id", Uuid, primary_key=True),
    Column("patient_id", Uuid, nullable=False),  # no foreign key: who judges has found the patient, and none is deleted
    Column("kind", String(64), nullable=False),
    moment("effective_time"),
    moment("judged_at"),
    Column("explanation", JSON, nullable=False),  # per rule: what it saw, whether it fired, why nobody was called
    sqlite_with_rowid=False,  # one row a reading: written once, at the end of the tree
)

alerts = Table(
    "alerts",
    metadata,
    number_id(),
    to("patient_id", "patients.id"),
    Column("rule_id", String(80), nullable=False),
    Column("episode", Uuid, nullable=False),  # id of the reading that opened the episode
    Column("kind", String(64), nullable=False),
    Column("level", String(10), nullable=False),  # red, yellow: the worst so far
    Column("state", String(20), nullable=False),  # open, acknowledged, resolved, withdrawn
    Column("cleared", Boolean, nullable=False),  # the value is back within limits; a red still needs a person
    Column("review", Boolean, nullable=False),  # late: a task, nobody was called as if it were now
    Column("plan_version", Integer, nullable=False),
    moment("opened_at"),
    moment("effective_time"),  # of the reading that opened it
    moment("last_effective_time"),  # of the newest reading in the episode
    Column("worst_reading", Uuid, nullable=False),
    to("owner_id", "users.id", null=True),
    moment("owned_at", null=True),
    moment("review_by", null=True),
    moment("resolved_at", null=True),
    Column("outcome", String(30)),
    UniqueConstraint("patient_id", "rule_id", "episode"),
    Index("ix_alerts_patient_id_state", "patient_id", "state"),
    Index("ix_alerts_unowned_red", "opened_at", **where("level = 'red' AND state = 'open'")),
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
    number_id(),
    to("alert_id", "alerts.id", index=True),
    moment("at"),
    Column("what", String(30), nullable=False),  # raised, worsened, eased, cleared, acknowledged, resolved, ...
    to("actor_id", "users.id", null=True),
    Column("detail", JSON, nullable=False),
    Column("note", Text),
)

# --- what is due: calls, escalations ------------------------------------------------------------------------------

notifications = Table(
    "notifications",
    metadata,
    uuid_id(),  # also the Message-ID's local part and the idempotency key: repeats carry the same
    to("alert_id", "alerts.id", null=True, index=True),  # null: it tells of a notice
    to("user_id", "users.id"),
    to("contact_id", "contacts.id"),
    Column("occasion", String(20), nullable=False),  # raised, worsened, reopened, escalated, comes_back
    Column("state", String(20), nullable=False),  # due, sent, failed, cancelled
    moment("created_at"),
    moment("due_at"),
    moment("claimed_until", null=True),
    moment("sent_at", null=True),
    to("notice_id", "notices.id", null=True, index=True),
    Index("ix_notifications_state_due_at", "state", "due_at"),
)

attempts = Table(
    "attempts",
    metadata,
    number_id(),
    to("notification_id", "notifications.id", index=True),
    Column("number", Integer, nullable=False),
    moment("started_at"),  # committed before anything is sent, so that a crash in the middle is known
    moment("ended_at", null=True),
    Column("outcome", String(20)),  # sent, failed; null: not known, the next one says "repeat"
    Column("detail", String(300)),
    Column("repeat", Boolean, nullable=False),
    UniqueConstraint("notification_id", "number"),
)

due = Table(
    "due",
    metadata,
    uuid_id(),
    Column("what", String(30), nullable=False),  # escalate, come_back
    to("alert_id", "alerts.id", null=True, index=True),
    Column("payload", JSON, nullable=False),
    moment("due_at"),
    moment("claimed_until", null=True),
    moment("done_at", null=True),
    Column("outcome", String(200)),
    Index("ix_due_done_at_due_at", "done_at", "due_at"),
)
