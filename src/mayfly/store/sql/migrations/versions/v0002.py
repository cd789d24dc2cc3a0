"""Journals in blobs, keys of hosts that change without help, public projects, joint indices."""

import sqlalchemy as sa
from alembic import op

from mayfly.store.sql.columns import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "segments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("blob", TEXT, server_default="", nullable=False),
        sa.Column("at", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_segments"),
    )
    op.create_index("ix_segments_run", "segments", ["run"])
    op.create_index("ix_segments_at", "segments", ["at"])
    op.add_column("hosts", sa.Column("next_key_hash", TEXT, nullable=True))
    op.create_index("ix_hosts_next_key_hash", "hosts", ["next_key_hash"])
    op.add_column(
        "projects",
        sa.Column("public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )

    op.create_index("ix_jobs_state_project_queued_at", "jobs", ["state", "project", "queued_at"])
    op.create_index("ix_runs_project_created", "runs", ["project", "created"])
    op.create_index("ix_meterings_project_finished", "meterings", ["project", "finished"])


def downgrade() -> None:
    op.drop_index("ix_meterings_project_finished", "meterings")
    op.drop_index("ix_runs_project_created", "runs")
    op.drop_index("ix_jobs_state_project_queued_at", "jobs")
    op.drop_column("projects", "public")
    op.drop_index("ix_hosts_next_key_hash", "hosts")
    op.drop_column("hosts", "next_key_hash")
    op.drop_index("ix_segments_at", "segments")
    op.drop_index("ix_segments_run", "segments")
    op.drop_table("segments")
