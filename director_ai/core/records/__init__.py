"""A recorded session as data: its fields, their checks, its JSON and its curve."""
