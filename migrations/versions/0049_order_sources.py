"""Orders from the files of other systems: where they come from, and the jobs that take them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from storage import UtcDateTime

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_sources",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("folder", sa.String(120), nullable=True),
        sa.Column("every_minutes", sa.Integer(), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(40), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("next_look_at", UtcDateTime(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("problem", sa.String(20), nullable=False),
        sa.Column("holder", sa.String(80), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_sources")),
        sa.UniqueConstraint("sender", name=op.f("uq_order_sources_sender")),
        sa.UniqueConstraint("folder", name=op.f("uq_order_sources_folder")),
    )
    op.create_table(
        "order_files",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("folder", sa.String(120), nullable=True),
        sa.Column("folder_file", sa.String(120), nullable=True),
        sa.Column("moved_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["file_jobs.id"], name=op.f("fk_order_files_job_id_file_jobs")),
        sa.ForeignKeyConstraint(["source_id"], ["order_sources.id"], name=op.f("fk_order_files_source_id_order_sources")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_order_files")),
        sa.UniqueConstraint("source_id", "folder_file", name=op.f("uq_order_files_source_id")),
    )
    op.create_index("ix_order_files_digest", "order_files", ["source_id", "digest"])


def downgrade() -> None:
    op.drop_index("ix_order_files_digest", "order_files")
    op.drop_table("order_files")
    op.drop_table("order_sources")
