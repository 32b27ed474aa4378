"""The Sessions page: filters, table, counts, bulk actions."""
