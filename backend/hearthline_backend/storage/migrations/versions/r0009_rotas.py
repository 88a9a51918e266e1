"""Rotas, holidays, stand-ins; people with a time zone of their own; contacts that may hear clinical detail; the keys
that links are signed with."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0009"
down_revision: Final = "0007"
branch_labels: Final = None
depends_on: Final = None

_TIME: Final = sa.DateTime(timezone=True)
_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add them."""
    op.add_column("users", sa.Column("time_zone", sa.String(length=60), nullable=True))
    op.add_column("contacts", sa.Column("safe", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "rotas",
        _number_id(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        _to("rotas", "team_id", "teams.id"),
        _to("rotas", "author_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_rotas"),
        sa.UniqueConstraint("team_id", "version", name="uq_rotas_team_id_version"),
    )
    op.create_table(
        "rota_holidays",
        _number_id(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("removed_at", _TIME, nullable=True),
        _to("rota_holidays", "team_id", "teams.id"),
        _to("rota_holidays", "author_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_rota_holidays"),
    )
    op.create_index("ix_rota_holidays_team_id_day", "rota_holidays", ["team_id", "day"])
    op.create_table(
        "rota_stand_ins",
        _number_id(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("away_id", sa.Uuid(), nullable=False),
        sa.Column("instead_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", _TIME, nullable=False),
        sa.Column("ends_at", _TIME, nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("removed_at", _TIME, nullable=True),
        *(_to("rota_stand_ins", name, "users.id") for name in ("away_id", "instead_id", "author_id")),
        _to("rota_stand_ins", "team_id", "teams.id"),
        sa.PrimaryKeyConstraint("id", name="pk_rota_stand_ins"),
    )
    op.create_index("ix_rota_stand_ins_team_id_ends_at", "rota_stand_ins", ["team_id", "ends_at"])
    op.create_table(
        "trial_calls",
        _number_id(),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        _to("trial_calls", "team_id", "teams.id"),
        _to("trial_calls", "user_id", "users.id"),
        sa.PrimaryKeyConstraint("id", name="pk_trial_calls"),
    )
    op.create_index("ix_trial_calls_team_id_at", "trial_calls", ["team_id", "at"])
    op.create_table(
        "signing_keys",
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_signing_keys"),
    )


def downgrade() -> None:
    """Take them away."""
    op.drop_table("signing_keys")
    op.drop_index("ix_trial_calls_team_id_at", table_name="trial_calls")
    op.drop_table("trial_calls")
    op.drop_index("ix_rota_stand_ins_team_id_ends_at", table_name="rota_stand_ins")
    op.drop_table("rota_stand_ins")
    op.drop_index("ix_rota_holidays_team_id_day", table_name="rota_holidays")
    op.drop_table("rota_holidays")
    op.drop_table("rotas")
    op.drop_column("contacts", "safe")
    op.drop_column("users", "time_zone")


def _number_id() -> sa.Column[int]:
    return sa.Column("id", _NUMBER, autoincrement=True, nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}_{target.partition('.')[0]}")
