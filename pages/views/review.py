"""Review, the page that asks: was it right."""

from director_ai.ui import shell

shell.title("Review", "Was it right?")
