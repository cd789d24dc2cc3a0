"""The first version; written by scripts/first_migration.py."""
# ruff: noqa: PLR0915

import sqlalchemy as sa
from alembic import op

from mayfly.store.sql.columns import TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_table(
        "apps",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("slug", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("html_url", TEXT, nullable=False),
        sa.Column("api_url", TEXT, nullable=False),
        sa.Column("web_url", TEXT, nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("client_id", TEXT, server_default="", nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=False),
        sa.Column("webhook_secret", sa.LargeBinary(), nullable=False),
        sa.Column("private_key", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_apps")),
    )
    op.create_table(
        "arrivings",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivings")),
    )
    op.create_index(op.f("ix_arrivings_until"), "arrivings", ["until"], unique=False)
    op.create_table(
        "audits",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.Column("target", TEXT, server_default="", nullable=False),
        sa.Column("via", TEXT, server_default="", nullable=False),
        sa.Column("address", TEXT, server_default="", nullable=False),
        sa.Column("details", TEXT, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audits")),
    )
    op.create_index(op.f("ix_audits_action"), "audits", ["action"], unique=False)
    op.create_index(op.f("ix_audits_actor"), "audits", ["actor"], unique=False)
    op.create_index(op.f("ix_audits_at"), "audits", ["at"], unique=False)
    op.create_index(op.f("ix_audits_project"), "audits", ["project"], unique=False)
    op.create_table(
        "chores",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("installation", sa.BigInteger(), nullable=True),
        sa.Column("due", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("note", TEXT, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chores")),
    )
    op.create_index(op.f("ix_chores_due"), "chores", ["due"], unique=False)
    op.create_table(
        "clock",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    op.create_table(
        "counters",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counters")),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("received", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("read", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("problem", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(op.f("ix_deliveries_app"), "deliveries", ["app"], unique=False)
    op.create_index(op.f("ix_deliveries_read"), "deliveries", ["read"], unique=False)
    op.create_index(op.f("ix_deliveries_received"), "deliveries", ["received"], unique=False)
    op.create_table(
        "durations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("seconds", TEXT, server_default="[]", nullable=False),
        sa.Column("at", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_durations")),
    )
    op.create_index(op.f("ix_durations_at"), "durations", ["at"], unique=False)
    op.create_index(op.f("ix_durations_project"), "durations", ["project"], unique=False)
    op.create_table(
        "enrolments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.Column("by", TEXT, server_default="", nullable=False),
        sa.Column("labels", TEXT, server_default="[]", nullable=False),
        sa.Column("used_by", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrolments")),
    )
    op.create_index(op.f("ix_enrolments_expires"), "enrolments", ["expires"], unique=False)
    op.create_table(
        "environments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("reviewers", TEXT, server_default="[]", nullable=False),
        sa.Column("wait_minutes", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("branches", TEXT, server_default="[]", nullable=False),
        sa.Column(
            "prevent_self_review", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environments")),
    )
    op.create_index(op.f("ix_environments_project"), "environments", ["project"], unique=False)
    op.create_table(
        "forge_jobs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("installation", sa.BigInteger(), nullable=False),
        sa.Column("job", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("run", sa.BigInteger(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("conclusion", TEXT, nullable=True),
        sa.Column("name", TEXT, server_default="", nullable=False),
        sa.Column("workflow", TEXT, server_default="", nullable=False),
        sa.Column("branch", TEXT, server_default="", nullable=False),
        sa.Column("sha", TEXT, server_default="", nullable=False),
        sa.Column("actor", TEXT, server_default="", nullable=False),
        sa.Column("labels", TEXT, server_default="[]", nullable=False),
        sa.Column("runner", sa.BigInteger(), nullable=True),
        sa.Column("runner_name", TEXT, nullable=True),
        sa.Column("pool", TEXT, server_default="", nullable=False),
        sa.Column("since", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("changed", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("problem", TEXT, nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("after", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forge_jobs")),
    )
    op.create_index(op.f("ix_forge_jobs_after"), "forge_jobs", ["after"], unique=False)
    op.create_index(op.f("ix_forge_jobs_changed"), "forge_jobs", ["changed"], unique=False)
    op.create_index(op.f("ix_forge_jobs_pool"), "forge_jobs", ["pool"], unique=False)
    op.create_index(op.f("ix_forge_jobs_project"), "forge_jobs", ["project"], unique=False)
    op.create_index(op.f("ix_forge_jobs_status"), "forge_jobs", ["status"], unique=False)
    op.create_table(
        "groups",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("holders", TEXT, server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_groups")),
    )
    op.create_index(op.f("ix_groups_project"), "groups", ["project"], unique=False)
    op.create_table(
        "hosts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("key_hash", TEXT, server_default="", nullable=False),
        sa.Column("key_since", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("millicpu", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("memory_mib", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cpu_factor", sa.Double(), server_default=sa.text("1.0"), nullable=False),
        sa.Column("over_commit", sa.Double(), nullable=True),
        sa.Column("architectures", TEXT, server_default="[]", nullable=False),
        sa.Column("labels", TEXT, server_default="[]", nullable=False),
        sa.Column("online", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("draining", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("quarantined", TEXT, nullable=True),
        sa.Column("failures", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("agent_version", TEXT, server_default="", nullable=False),
        sa.Column("accelerators", TEXT, server_default="{}", nullable=False),
        sa.Column("last_seen", sa.Double(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hosts")),
    )
    op.create_index(op.f("ix_hosts_key_hash"), "hosts", ["key_hash"], unique=False)
    op.create_index(op.f("ix_hosts_version"), "hosts", ["version"], unique=False)
    op.create_table(
        "identities",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
    )
    op.create_index(op.f("ix_identities_user"), "identities", ["user"], unique=False)
    op.create_table(
        "images",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("parts", TEXT, server_default="[]", nullable=False),
        sa.Column("pushed", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("by", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_images")),
    )
    op.create_table(
        "installations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("app", TEXT, nullable=False),
        sa.Column("account", TEXT, server_default="", nullable=False),
        sa.Column("organization", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("permissions", TEXT, server_default="{}", nullable=False),
        sa.Column("suspended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installations")),
    )
    op.create_index(op.f("ix_installations_app"), "installations", ["app"], unique=False)
    op.create_table(
        "invitations",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
    )
    op.create_index(op.f("ix_invitations_email"), "invitations", ["email"], unique=False)
    op.create_index(op.f("ix_invitations_expires"), "invitations", ["expires"], unique=False)
    op.create_index(op.f("ix_invitations_hash"), "invitations", ["hash"], unique=False)
    op.create_index(op.f("ix_invitations_project"), "invitations", ["project"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("planned", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("requirement", TEXT, nullable=True),
        sa.Column("placed", TEXT, nullable=True),
        sa.Column("attempt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outputs", TEXT, server_default="{}", nullable=False),
        sa.Column("cancel_reason", TEXT, nullable=True),
        sa.Column("priority", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("created", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("queued_at", sa.Double(), nullable=True),
        sa.Column("claimed_at", sa.Double(), nullable=True),
        sa.Column("started_at", sa.Double(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("host", TEXT, nullable=True),
        sa.Column("reserved_on", TEXT, nullable=True),
        sa.Column("reserved_at", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("losses", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_starts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("expected_s", sa.Double(), nullable=True),
        sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_finished_at"), "jobs", ["finished_at"], unique=False)
    op.create_index(op.f("ix_jobs_host"), "jobs", ["host"], unique=False)
    op.create_index(op.f("ix_jobs_project"), "jobs", ["project"], unique=False)
    op.create_index(op.f("ix_jobs_reserved_on"), "jobs", ["reserved_on"], unique=False)
    op.create_index(op.f("ix_jobs_run"), "jobs", ["run"], unique=False)
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_index(op.f("ix_jobs_version"), "jobs", ["version"], unique=False)
    op.create_table(
        "journal",
        sa.Column("run", TEXT, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job", TEXT, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_journal")),
    )
    op.create_table(
        "journal_heads",
        sa.Column("run", TEXT, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_journal_heads")),
    )
    op.create_table(
        "leases",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("session", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("reports", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("told", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_host"), "leases", ["host"], unique=False)
    op.create_index(op.f("ix_leases_session"), "leases", ["session"], unique=False)
    op.create_table(
        "logins",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("token", TEXT, nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("address", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_token"), "logins", ["token"], unique=False)
    op.create_index(op.f("ix_logins_until"), "logins", ["until"], unique=False)
    op.create_index(op.f("ix_logins_user"), "logins", ["user"], unique=False)
    op.create_table(
        "members",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
    )
    op.create_index(op.f("ix_members_project"), "members", ["project"], unique=False)
    op.create_index(op.f("ix_members_user"), "members", ["user"], unique=False)
    op.create_table(
        "meterings",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("job", TEXT, nullable=False),
        sa.Column("run", TEXT, server_default="", nullable=False),
        sa.Column("name", TEXT, server_default="", nullable=False),
        sa.Column("actor", TEXT, server_default="", nullable=False),
        sa.Column("host", TEXT, server_default="", nullable=False),
        sa.Column("state", TEXT, server_default="succeeded", nullable=False),
        sa.Column("architecture", TEXT, server_default="amd64", nullable=False),
        sa.Column("millicpu", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("memory_mib", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("queued_s", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("ran_s", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("finished", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("usage", TEXT, server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meterings")),
    )
    op.create_index(op.f("ix_meterings_finished"), "meterings", ["finished"], unique=False)
    op.create_index(op.f("ix_meterings_job"), "meterings", ["job"], unique=False)
    op.create_index(op.f("ix_meterings_project"), "meterings", ["project"], unique=False)
    op.create_table(
        "projects",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("weight", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quota_millicpu", sa.BigInteger(), nullable=True),
        sa.Column("quota_memory_mib", sa.BigInteger(), nullable=True),
        sa.Column("quota_jobs", sa.BigInteger(), nullable=True),
        sa.Column(
            "quota_unfinished", sa.BigInteger(), server_default=sa.text("10000"), nullable=True
        ),
        sa.Column("hosts", TEXT, server_default="[]", nullable=False),
        sa.Column("losses_allowed", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("rerun_lost", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("native_on_push", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("clone_url", TEXT, nullable=True),
        sa.Column("default_branch", TEXT, server_default="main", nullable=False),
        sa.Column("installation", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
    )
    op.create_index(op.f("ix_projects_version"), "projects", ["version"], unique=False)
    op.create_table(
        "rates",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("left", sa.Double(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rates")),
    )
    op.create_index(op.f("ix_rates_until"), "rates", ["until"], unique=False)
    op.create_table(
        "removals",
        sa.Column("id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removals")),
    )
    op.create_table(
        "requests",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    op.create_table(
        "reviews",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("environment", TEXT, nullable=False),
        sa.Column("asked", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.Column("by", TEXT, nullable=True),
        sa.Column("at", sa.Double(), nullable=True),
        sa.Column("comment", TEXT, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_approved"), "reviews", ["approved"], unique=False)
    op.create_index(op.f("ix_reviews_project"), "reviews", ["project"], unique=False)
    op.create_index(op.f("ix_reviews_run"), "reviews", ["run"], unique=False)
    op.create_table(
        "runners",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("installation", sa.BigInteger(), nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("repo", TEXT, nullable=True),
        sa.Column("labels", TEXT, server_default="[]", nullable=False),
        sa.Column("pool", TEXT, nullable=False),
        sa.Column("made_for", TEXT, nullable=False),
        sa.Column("made", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("turn", TEXT, server_default="", nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("asked", sa.Double(), nullable=True),
        sa.Column("runner", sa.BigInteger(), nullable=True),
        sa.Column("config", sa.LargeBinary(), nullable=True),
        sa.Column("minted", sa.Double(), nullable=True),
        sa.Column("works_on", TEXT, nullable=True),
        sa.Column("seen_working", sa.Double(), nullable=True),
        sa.Column("leaving", sa.Double(), nullable=True),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("live", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runners")),
    )
    op.create_index(op.f("ix_runners_live"), "runners", ["live"], unique=False)
    op.create_index(op.f("ix_runners_made_for"), "runners", ["made_for"], unique=False)
    op.create_index(op.f("ix_runners_name"), "runners", ["name"], unique=False)
    op.create_index(op.f("ix_runners_pool"), "runners", ["pool"], unique=False)
    op.create_index(op.f("ix_runners_project"), "runners", ["project"], unique=False)
    op.create_index(op.f("ix_runners_runner"), "runners", ["runner"], unique=False)
    op.create_index(op.f("ix_runners_works_on"), "runners", ["works_on"], unique=False)
    op.create_table(
        "runs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", TEXT, server_default="native", nullable=False),
        sa.Column("serial", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("submission", TEXT, server_default="", nullable=False),
        sa.Column("event", TEXT, server_default="", nullable=False),
        sa.Column("branch", TEXT, server_default="", nullable=False),
        sa.Column("proven_ref", TEXT, server_default="", nullable=False),
        sa.Column("sha", TEXT, server_default="", nullable=False),
        sa.Column("actor", TEXT, server_default="", nullable=False),
        sa.Column("priority", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fit", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source", TEXT, nullable=True),
        sa.Column("actions", TEXT, server_default="{}", nullable=False),
        sa.Column("created", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("finished", sa.Double(), nullable=True),
        sa.Column("conclusion", TEXT, nullable=True),
        sa.Column("cancelled", TEXT, nullable=True),
        sa.Column("closed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("problem", TEXT, nullable=True),
        sa.Column("look_at", sa.Double(), nullable=True),
        sa.Column("sealed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("log_gone", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(op.f("ix_runs_created"), "runs", ["created"], unique=False)
    op.create_index(op.f("ix_runs_finished"), "runs", ["finished"], unique=False)
    op.create_index(op.f("ix_runs_look_at"), "runs", ["look_at"], unique=False)
    op.create_index(op.f("ix_runs_project"), "runs", ["project"], unique=False)
    op.create_index(op.f("ix_runs_sealed"), "runs", ["sealed"], unique=False)
    op.create_index(op.f("ix_runs_submission"), "runs", ["submission"], unique=False)
    op.create_table(
        "schedules",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("workflow", TEXT, nullable=False),
        sa.Column("cron", TEXT, nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedules")),
    )
    op.create_index(op.f("ix_schedules_next_at"), "schedules", ["next_at"], unique=False)
    op.create_index(op.f("ix_schedules_project"), "schedules", ["project"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("environment", TEXT, server_default="", nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("by", TEXT, server_default="", nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secrets")),
    )
    op.create_index(op.f("ix_secrets_environment"), "secrets", ["environment"], unique=False)
    op.create_index(op.f("ix_secrets_project"), "secrets", ["project"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("opened", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("until", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("ended", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_ended"), "sessions", ["ended"], unique=False)
    op.create_index(op.f("ix_sessions_host"), "sessions", ["host"], unique=False)
    op.create_index(op.f("ix_sessions_until"), "sessions", ["until"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("nonce", TEXT, nullable=False),
        sa.Column("verifier", sa.LargeBinary(), nullable=False),
        sa.Column("destination", TEXT, server_default="/", nullable=False),
        sa.Column("invitation", TEXT, nullable=True),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_ins")),
    )
    op.create_index(op.f("ix_sign_ins_until"), "sign_ins", ["until"], unique=False)
    op.create_table(
        "specs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("spec", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_specs")),
    )
    op.create_table(
        "starts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("ref", TEXT, nullable=False),
        sa.Column("sha", TEXT, nullable=True),
        sa.Column("actor", TEXT, server_default="", nullable=False),
        sa.Column("payload", TEXT, server_default="{}", nullable=False),
        sa.Column("workflow", TEXT, nullable=True),
        sa.Column("cron", TEXT, nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("after", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.Column("taken_until", sa.Double(), server_default=sa.text("0.0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_starts")),
    )
    op.create_index(op.f("ix_starts_after"), "starts", ["after"], unique=False)
    op.create_index(op.f("ix_starts_project"), "starts", ["project"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("hash", TEXT, nullable=False),
        sa.Column("user", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("scopes", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=True),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("expires", sa.Double(), nullable=True),
        sa.Column("used", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_hash"), "tokens", ["hash"], unique=False)
    op.create_index(op.f("ix_tokens_user"), "tokens", ["user"], unique=False)
    op.create_table(
        "uploaders",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("stored", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploaders")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("blob", TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index(op.f("ix_uploads_used"), "uploads", ["used"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("name", TEXT, server_default="", nullable=False),
        sa.Column("email", TEXT, nullable=True),
        sa.Column("site_admin", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index(op.f("ix_users_email"), "users", ["email"], unique=False)
    op.create_table(
        "variables",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("project", TEXT, nullable=False),
        sa.Column("environment", TEXT, server_default="", nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.Column("by", TEXT, server_default="", nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variables")),
    )
    op.create_index(op.f("ix_variables_environment"), "variables", ["environment"], unique=False)
    op.create_index(op.f("ix_variables_project"), "variables", ["project"], unique=False)
    op.execute("INSERT INTO clock (id, number) VALUES (1, 0)")


def downgrade() -> None:
    op.drop_index(op.f("ix_variables_project"), table_name="variables")
    op.drop_index(op.f("ix_variables_environment"), table_name="variables")
    op.drop_table("variables")
    op.drop_index(op.f("ix_users_email"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_uploads_used"), table_name="uploads")
    op.drop_table("uploads")
    op.drop_table("uploaders")
    op.drop_index(op.f("ix_tokens_user"), table_name="tokens")
    op.drop_index(op.f("ix_tokens_hash"), table_name="tokens")
    op.drop_table("tokens")
    op.drop_index(op.f("ix_starts_project"), table_name="starts")
    op.drop_index(op.f("ix_starts_after"), table_name="starts")
    op.drop_table("starts")
    op.drop_table("specs")
    op.drop_index(op.f("ix_sign_ins_until"), table_name="sign_ins")
    op.drop_table("sign_ins")
    op.drop_index(op.f("ix_sessions_until"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_host"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_ended"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_secrets_project"), table_name="secrets")
    op.drop_index(op.f("ix_secrets_environment"), table_name="secrets")
    op.drop_table("secrets")
    op.drop_index(op.f("ix_schedules_project"), table_name="schedules")
    op.drop_index(op.f("ix_schedules_next_at"), table_name="schedules")
    op.drop_table("schedules")
    op.drop_index(op.f("ix_runs_submission"), table_name="runs")
    op.drop_index(op.f("ix_runs_sealed"), table_name="runs")
    op.drop_index(op.f("ix_runs_project"), table_name="runs")
    op.drop_index(op.f("ix_runs_look_at"), table_name="runs")
    op.drop_index(op.f("ix_runs_finished"), table_name="runs")
    op.drop_index(op.f("ix_runs_created"), table_name="runs")
    op.drop_table("runs")
    op.drop_index(op.f("ix_runners_works_on"), table_name="runners")
    op.drop_index(op.f("ix_runners_runner"), table_name="runners")
    op.drop_index(op.f("ix_runners_project"), table_name="runners")
    op.drop_index(op.f("ix_runners_pool"), table_name="runners")
    op.drop_index(op.f("ix_runners_name"), table_name="runners")
    op.drop_index(op.f("ix_runners_made_for"), table_name="runners")
    op.drop_index(op.f("ix_runners_live"), table_name="runners")
    op.drop_table("runners")
    op.drop_index(op.f("ix_reviews_run"), table_name="reviews")
    op.drop_index(op.f("ix_reviews_project"), table_name="reviews")
    op.drop_index(op.f("ix_reviews_approved"), table_name="reviews")
    op.drop_table("reviews")
    op.drop_table("requests")
    op.drop_table("removals")
    op.drop_index(op.f("ix_rates_until"), table_name="rates")
    op.drop_table("rates")
    op.drop_index(op.f("ix_projects_version"), table_name="projects")
    op.drop_table("projects")
    op.drop_index(op.f("ix_meterings_project"), table_name="meterings")
    op.drop_index(op.f("ix_meterings_job"), table_name="meterings")
    op.drop_index(op.f("ix_meterings_finished"), table_name="meterings")
    op.drop_table("meterings")
    op.drop_index(op.f("ix_members_user"), table_name="members")
    op.drop_index(op.f("ix_members_project"), table_name="members")
    op.drop_table("members")
    op.drop_index(op.f("ix_logins_user"), table_name="logins")
    op.drop_index(op.f("ix_logins_until"), table_name="logins")
    op.drop_index(op.f("ix_logins_token"), table_name="logins")
    op.drop_table("logins")
    op.drop_index(op.f("ix_leases_session"), table_name="leases")
    op.drop_index(op.f("ix_leases_host"), table_name="leases")
    op.drop_table("leases")
    op.drop_table("journal_heads")
    op.drop_table("journal")
    op.drop_index(op.f("ix_jobs_version"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_state"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_run"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_reserved_on"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_project"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_host"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_finished_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_invitations_project"), table_name="invitations")
    op.drop_index(op.f("ix_invitations_hash"), table_name="invitations")
    op.drop_index(op.f("ix_invitations_expires"), table_name="invitations")
    op.drop_index(op.f("ix_invitations_email"), table_name="invitations")
    op.drop_table("invitations")
    op.drop_index(op.f("ix_installations_app"), table_name="installations")
    op.drop_table("installations")
    op.drop_table("images")
    op.drop_index(op.f("ix_identities_user"), table_name="identities")
    op.drop_table("identities")
    op.drop_index(op.f("ix_hosts_version"), table_name="hosts")
    op.drop_index(op.f("ix_hosts_key_hash"), table_name="hosts")
    op.drop_table("hosts")
    op.drop_index(op.f("ix_groups_project"), table_name="groups")
    op.drop_table("groups")
    op.drop_index(op.f("ix_forge_jobs_status"), table_name="forge_jobs")
    op.drop_index(op.f("ix_forge_jobs_project"), table_name="forge_jobs")
    op.drop_index(op.f("ix_forge_jobs_pool"), table_name="forge_jobs")
    op.drop_index(op.f("ix_forge_jobs_changed"), table_name="forge_jobs")
    op.drop_index(op.f("ix_forge_jobs_after"), table_name="forge_jobs")
    op.drop_table("forge_jobs")
    op.drop_index(op.f("ix_environments_project"), table_name="environments")
    op.drop_table("environments")
    op.drop_index(op.f("ix_enrolments_expires"), table_name="enrolments")
    op.drop_table("enrolments")
    op.drop_index(op.f("ix_durations_project"), table_name="durations")
    op.drop_index(op.f("ix_durations_at"), table_name="durations")
    op.drop_table("durations")
    op.drop_index(op.f("ix_deliveries_received"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_read"), table_name="deliveries")
    op.drop_index(op.f("ix_deliveries_app"), table_name="deliveries")
    op.drop_table("deliveries")
    op.drop_table("counters")
    op.drop_table("clock")
    op.drop_index(op.f("ix_chores_due"), table_name="chores")
    op.drop_table("chores")
    op.drop_index(op.f("ix_audits_project"), table_name="audits")
    op.drop_index(op.f("ix_audits_at"), table_name="audits")
    op.drop_index(op.f("ix_audits_actor"), table_name="audits")
    op.drop_index(op.f("ix_audits_action"), table_name="audits")
    op.drop_table("audits")
    op.drop_index(op.f("ix_arrivings_until"), table_name="arrivings")
    op.drop_table("arrivings")
    op.drop_table("apps")
    op.drop_table("alarms")
