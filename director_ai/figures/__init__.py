"""One picture a file: plain data in, a plain Plotly dict out; colours from ``theme``."""
