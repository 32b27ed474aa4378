"""Subcommands of `director-ai`, one module each, named as typed."""
