"""Remote work: wanted configurations, what gateways report to have, commands with their newest reply."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    op.add_column("gateways", sa.Column("reported", sa.JSON(), nullable=True))
    op.add_column("gateways", sa.Column("reported_at", _TIME, nullable=True))
    op.create_table(
        "configurations",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name="fk_configurations_changed_by_users"),
        sa.ForeignKeyConstraint(["gateway"], ["gateways.name"], name="fk_configurations_gateway_gateways"),
        sa.PrimaryKeyConstraint("id", name="pk_configurations"),
        sa.UniqueConstraint("gateway", "revision", name="uq_configurations_gateway_revision"),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gateway", sa.String(length=63), nullable=False),
        sa.Column("work", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("sent_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reply", sa.JSON(), nullable=True),
        sa.Column("replied_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["asked_by"], ["users.id"], name="fk_commands_asked_by_users"),
        sa.ForeignKeyConstraint(["gateway"], ["gateways.name"], name="fk_commands_gateway_gateways"),
        sa.PrimaryKeyConstraint("id", name="pk_commands"),
    )
    op.create_index("ix_commands_gateway_sent_at", "commands", ["gateway", "sent_at"])


def downgrade() -> None:
    """Take them away."""
    op.drop_table("commands")
    op.drop_table("configurations")
    op.drop_column("gateways", "reported_at")
    op.drop_column("gateways", "reported")
