"""The database under the store: connections, schema, migrations, locks, text search."""
