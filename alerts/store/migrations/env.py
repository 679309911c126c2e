"""I/O: the environment in which Alembic runs the revisions; Alembic executes this file, no module imports it.

Input: an open connection, given by `alerts.store.upgrade`.
Output: the schema of the revision that was asked for.
Not responsible for: transactions and locks; the caller holds both.
Rejects: nothing.
"""

from alembic import context

from alerts.store.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
