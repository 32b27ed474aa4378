"""Import and export of sessions; a file is never trusted."""
