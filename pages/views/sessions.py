"""Sessions, the page that asks: what happened."""

from director_ai.ui import shell

shell.title("Sessions", "What happened?")
