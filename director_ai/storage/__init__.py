"""Sessions at rest: one store for SQLite and PostgreSQL, its recorder, import and export."""
