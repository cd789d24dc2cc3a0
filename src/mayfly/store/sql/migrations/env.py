"""What Alembic runs: the wanted steps, on the connection that `store.sql.migrate` made."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # also SQLite's, as `migrate` begins the transaction itself
)
with context.begin_transaction():
    context.run_migrations()
