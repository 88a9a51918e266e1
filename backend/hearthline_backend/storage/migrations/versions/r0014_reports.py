"""Extraordinary reports: what was the evidence when a patient turned yellow, and who confirmed having read it."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0014"
down_revision: Final = "0013"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_DUE: Final = sa.text("due_at IS NOT NULL")
_WAITING: Final = sa.text("confirmed_at IS NULL AND withdrawn_at IS NULL")


def upgrade() -> None:
    """Add them. Alerts of before have none."""
    op.create_table(
        "reports",
        _number_id(),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("confirm_by", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("calling", sa.JSON(), nullable=False),
        sa.Column("superseded_by", _NUMBER, nullable=True),
        sa.Column("withdrawn_at", _TIME, nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", _TIME, nullable=True),
        _to("reports", "patient_id", "patients.id"),
        _to("reports", "superseded_by", "alerts.id"),
        _to("reports", "confirmed_by", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sa.UniqueConstraint("patient_id", "number", name="uq_reports_patient_id_number"),
    )
    op.create_index("ix_reports_due_at", "reports", ["due_at"], postgresql_where=_DUE, sqlite_where=_DUE)
    op.create_index("ix_reports_waiting", "reports", ["patient_id"], postgresql_where=_WAITING, sqlite_where=_WAITING)
    op.create_table(
        "report_alerts",
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("report_id", _NUMBER, nullable=False),
        _to("report_alerts", "alert_id", "alerts.id"),
        _to("report_alerts", "report_id", "reports.id"),
        sa.PrimaryKeyConstraint("alert_id", name="pk_report_alerts"),
    )
    op.create_index("ix_report_alerts_report_id", "report_alerts", ["report_id"])
    op.create_table(
        "report_events",
        _number_id(),
        sa.Column("report_id", _NUMBER, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("what", sa.String(length=30), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        _to("report_events", "report_id", "reports.id"),
        _to("report_events", "actor_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_events"),
    )
    op.create_index("ix_report_events_report_id", "report_events", ["report_id"])
    op.create_table(
        "report_notices",
        sa.Column("notice_id", _NUMBER, nullable=False),
        sa.Column("report_id", _NUMBER, nullable=False),
        _to("report_notices", "notice_id", "notices.id"),
        _to("report_notices", "report_id", "reports.id"),
        sa.PrimaryKeyConstraint("notice_id", name="pk_report_notices"),
    )
    op.create_index("ix_report_notices_report_id", "report_notices", ["report_id"])
    op.add_column("digests", sa.Column("reports", sa.Integer(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Take them away, and what was told of them."""
    op.drop_column("digests", "reports")
    told = "SELECT notice_id FROM report_notices"
    mine = f"SELECT id FROM notifications WHERE notice_id IN ({told})"  # noqa: S608
    op.execute(f"DELETE FROM attempts WHERE notification_id IN ({mine})")  # noqa: S608
    op.execute(f"DELETE FROM notifications WHERE notice_id IN ({told})")  # noqa: S608
    op.drop_index("ix_report_notices_report_id", table_name="report_notices")
    op.drop_table("report_notices")
    op.execute("DELETE FROM notices WHERE what = 'report'")
    op.drop_index("ix_report_events_report_id", table_name="report_events")
    op.drop_table("report_events")
    op.drop_index("ix_report_alerts_report_id", table_name="report_alerts")
    op.drop_table("report_alerts")
    op.drop_index("ix_reports_waiting", table_name="reports")
    op.drop_index("ix_reports_due_at", table_name="reports")
    op.drop_table("reports")


def _number_id() -> sa.Column[Any]:
    return sa.Column("id", _NUMBER, autoincrement=True, nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}_{target.partition('.')[0]}")
