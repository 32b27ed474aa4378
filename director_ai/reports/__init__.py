"""Documents that leave the app: notes, tuning cards, offline replays, policy snippets."""
