"""Snoozes, and acknowledgements that came in by webhook."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0010"
down_revision: Final = "0009"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NOT_ENDED: Final = sa.text("ended_at IS NULL")


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "snoozes",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.String(length=80), nullable=False),
        sa.Column("direction", sa.String(length=10), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_snoozes_alert_id_alerts"),
        sa.ForeignKeyConstraint(["ended_by"], ["users.id"], name="fk_snoozes_ended_by_users"),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name="fk_snoozes_made_by_users"),
        sa.ForeignKeyConstraint(["patient_id"], ["patients.id"], name="fk_snoozes_patient_id_patients"),
        sa.PrimaryKeyConstraint("id", name="pk_snoozes"),
    )
    op.create_index("ix_snoozes_alert_id", "snoozes", ["alert_id"])
    for name in ("patient_id", "due_at"):
        op.create_index(f"ix_snoozes_{name}", "snoozes", [name], postgresql_where=_NOT_ENDED, sqlite_where=_NOT_ENDED)
    op.create_table(
        "heard_acknowledgements",
        sa.Column("signature", sa.String(length=64), nullable=False),
        sa.Column("contact_id", sa.Uuid(), nullable=False),
        sa.Column("alert_id", _NUMBER, nullable=False),
        sa.Column("heard_at", _TIME, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("said", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_heard_acknowledgements_alert_id_alerts"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.id"], name="fk_heard_acknowledgements_contact_id_contacts"),
        sa.PrimaryKeyConstraint("signature", name="pk_heard_acknowledgements"),
    )
    op.create_index("ix_heard_acknowledgements_heard_at", "heard_acknowledgements", ["heard_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_index("ix_heard_acknowledgements_heard_at", table_name="heard_acknowledgements")
    op.drop_table("heard_acknowledgements")
    for name in ("due_at", "patient_id", "alert_id"):
        op.drop_index(f"ix_snoozes_{name}", table_name="snoozes")
    op.drop_table("snoozes")
