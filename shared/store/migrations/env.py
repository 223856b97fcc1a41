"""Run the revisions on the connection that the caller opened, inside its transaction."""

from alembic import context

from shared.store.tables.metadata import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
