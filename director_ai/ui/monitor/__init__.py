"""The Monitor page: whether deployed limits still hold, and what to label next."""
