"""Who took a holiday or a stand-in back."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0012"
down_revision: Final = "0011"
branch_labels: Final = None
depends_on: Final = None

_TABLES: Final = ("rota_holidays", "rota_stand_ins")


def upgrade() -> None:
    """Of what was taken back before it is not known."""
    for table in _TABLES:
        key = f"fk_{table}_removed_by_id_users"
        if op.get_bind().dialect.name == "sqlite":  # which adds no constraint but with its column
            op.execute(f"ALTER TABLE {table} ADD COLUMN removed_by_id CHAR(32) CONSTRAINT {key} REFERENCES users (id)")
        else:
            op.add_column(table, sa.Column("removed_by_id", sa.Uuid(), nullable=True))
            op.create_foreign_key(key, table, "users", ["removed_by_id"], ["id"])


def downgrade() -> None:
    """Forget it."""
    for table in _TABLES:
        op.drop_column(table, "removed_by_id")
