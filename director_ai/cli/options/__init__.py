"""Option groups that several subcommands share."""
