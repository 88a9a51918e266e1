"""The first schema of Records: people, homes, judging, calls, quarantine."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES: Final = (
    "organisations",
    "quarantine",
    "sign_in_attempts",
    "gateways",
    "teams",
    "patients",
    "sensors",
    "judged",
    "users",
    "access_log",
    "alerts",
    "assignments",
    "contacts",
    "on_call",
    "plans",
    "sessions",
    "alert_events",
    "alert_readings",
    "due",
    "notifications",
    "attempts",
)
"""In the order of their creation: what is pointed at comes first."""


def upgrade() -> None:
    """Create everything."""
    _create_people()
    _create_homes()
    _create_judging()
    _create_calls()
    _create_quarantine()


def downgrade() -> None:
    """Drop everything; indexes go with their tables."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_people() -> None:
    """Organisations, teams, patients, users and what belongs to a user."""
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_attempts"),
    )
    op.create_index("ix_sign_in_attempts_subject_at", "sign_in_attempts", ["subject", "at"])
    op.create_table(
        "teams",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("emergency_number", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_teams_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_teams"),
    )
    op.create_table(
        "patients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.String(length=80), nullable=False),
        sa.Column("family_name", sa.String(length=80), nullable=False),
        sa.Column("birth_year", sa.Integer(), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("enrolled_at", _TIME, nullable=False),
        sa.Column("paused_until", _TIME, nullable=True),
        sa.Column("pause_reason", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_patients_team_id_teams"),
        sa.PrimaryKeyConstraint("id", name="pk_patients"),
    )
    op.create_index("ix_patients_team_id", "patients", ["team_id"])
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=80), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("initials", sa.String(length=8), nullable=False),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("locale", sa.String(length=10), nullable=False),
        sa.Column("theme", sa.String(length=10), nullable=True),
        sa.Column("single_keys", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_users_organisation_id_organisations"
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_users_patient_id_patients"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_users_team_id_teams"),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("login", name="uq_users_login"),
    )
    op.create_table(
        "access_log",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("view", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_access_log_patient_id_patients"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_log_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
    )
    op.create_index("ix_access_log_patient_id_at", "access_log", ["patient_id", "at"])
    op.create_table(
        "contacts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("secret", sa.String(length=200), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_contacts_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_contacts"),
    )
    op.create_index("ix_contacts_user_id", "contacts", ["user_id"])
    op.create_table(
        "on_call",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_on_call_team_id_teams"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_on_call_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_on_call"),
    )
    op.create_index("ix_on_call_team_id", "on_call", ["team_id"])
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id_users"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])


def _create_homes() -> None:
    """Gateways, meters, assignments."""
    op.create_table(
        "gateways",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("home", sa.String(length=20), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.String(length=60), nullable=False),
        sa.Column("enrolled_at", _TIME, nullable=False),
        sa.Column("status", sa.JSON(), nullable=True),
        sa.Column("status_at", _TIME, nullable=True),
        sa.Column("heard_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_gateways_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("name", name="pk_gateways"),
        sa.UniqueConstraint("home", name="uq_gateways_home"),
    )
    op.create_table(
        "sensors",
        sa.Column("address", sa.String(length=17), nullable=False),
        sa.Column("gateway", sa.String(length=63), nullable=False),
        sa.Column("model", sa.String(length=80), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("added_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateways.name"], name="fk_sensors_gateway_gateways"),
        sa.PrimaryKeyConstraint("address", name="pk_sensors"),
    )
    op.create_index("ix_sensors_gateway", "sensors", ["gateway"])
    op.create_table(
        "assignments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sensor", sa.String(length=17), nullable=False),
        sa.Column("user_slot", sa.Integer(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_until", _TIME, nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["assigned_by"], ["users.id"], name="fk_assignments_assigned_by_users"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_assignments_patient_id_patients"),
        sa.ForeignKeyConstraint(["sensor"], ["sensors.address"], name="fk_assignments_sensor_sensors"),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
    )
    op.create_index("ix_assignments_patient_id", "assignments", ["patient_id"])
    op.create_index("ix_assignments_sensor_valid_from", "assignments", ["sensor", "valid_from"])


def _create_judging() -> None:
    """Plans, the register of judged readings, alerts and their history."""
    op.create_table(
        "judged",
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("effective_time", _TIME, nullable=False),
        sa.Column("judged_at", _TIME, nullable=False),
        sa.Column("explanation", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_judged_patient_id_patients"),
        sa.PrimaryKeyConstraint("reading_id", name="pk_judged"),
    )
    op.create_index("ix_judged_patient_id_effective_time", "judged", ["patient_id", "effective_time"])
    op.create_table(
        "alerts",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.String(length=80), nullable=False),
        sa.Column("episode", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("plan_version", sa.Integer(), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("effective_time", _TIME, nullable=False),
        sa.Column("last_effective_time", _TIME, nullable=False),
        sa.Column("worst_reading", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("owned_at", _TIME, nullable=True),
        sa.Column("review_by", _TIME, nullable=True),
        sa.Column("resolved_at", _TIME, nullable=True),
        sa.Column("outcome", sa.String(length=30), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name="fk_alerts_owner_id_users"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_alerts_patient_id_patients"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("patient_id", "rule_id", "episode", name="uq_alerts_patient_id_rule_id_episode"),
    )
    op.create_index("ix_alerts_patient_id_state", "alerts", ["patient_id", "state"])
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name="fk_plans_author_id_users"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_plans_patient_id_patients"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("patient_id", "version", name="uq_plans_patient_id_version"),
    )
    op.create_table(
        "alert_events",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("what", sa.String(length=30), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name="fk_alert_events_actor_id_users"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alert_events_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_events"),
    )
    op.create_index("ix_alert_events_alert_id", "alert_events", ["alert_id"])
    op.create_table(
        "alert_readings",
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("reading_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_alert_readings_alert_id_alerts"),
        sa.PrimaryKeyConstraint("alert_id", "reading_id", name="pk_alert_readings"),
    )


def _create_calls() -> None:
    """What is due, calls and their attempts."""
    op.create_table(
        "due",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("what", sa.String(length=30), nullable=False),
        sa.Column("alert_id", _NUMBER, nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("done_at", _TIME, nullable=True),
        sa.Column("outcome", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_due_alert_id_alerts"),
        sa.PrimaryKeyConstraint("id", name="pk_due"),
    )
    op.create_index("ix_due_alert_id", "due", ["alert_id"])
    op.create_index("ix_due_done_at_due_at", "due", ["done_at", "due_at"])
    op.create_table(
        "notifications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("occasion", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("claimed_until", _TIME, nullable=True),
        sa.Column("sent_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_notifications_alert_id_alerts"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_notifications_contact_id_contacts"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notifications_user_id_users"),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
    )
    op.create_index("ix_notifications_alert_id", "notifications", ["alert_id"])
    op.create_index("ix_notifications_state_due_at", "notifications", ["state", "due_at"])
    op.create_table(
        "attempts",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("detail", sa.String(length=300), nullable=True),
        sa.Column("repeat", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.id"], name="fk_attempts_notification_id_notifications"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
        sa.UniqueConstraint("notification_id", "number", name="uq_attempts_notification_id_number"),
    )
    op.create_index("ix_attempts_notification_id", "attempts", ["notification_id"])


def _create_quarantine() -> None:
    """What could not be taken."""
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("reading_id", sa.Uuid(), nullable=True),
        sa.Column("batch", sa.String(length=64), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False),
        sa.Column("payload_bytes", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("last_received_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "gateway",
            "payload_sha256",
            "reason",
            "reading_id",
            name="uq_quarantine_gateway_payload_sha256_reason_reading_id",
        ),
    )
    op.create_index("ix_quarantine_gateway_received_at", "quarantine", ["gateway", "received_at"])
