"""Other limits on recorded scores."""
