"""Data, the page that asks: where does it come from."""

from director_ai.ui import shell

shell.title("Data", "Where does it come from?")
