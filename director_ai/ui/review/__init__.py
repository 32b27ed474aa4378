"""The Review page: queue, card, verdicts, summary."""
