"""Who may reach the app, and what each may do there."""
