"""Rates and what is known of them: the statistics that limits are chosen by."""
