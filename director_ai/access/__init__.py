"""Access to the app: logins, roles and trusted hosts."""
