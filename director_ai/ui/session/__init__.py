"""The Session page: curve, text, facts, comparison."""
