"""The migrations of Fastness's own tables, one revision a file; Alembic reads them by path."""
