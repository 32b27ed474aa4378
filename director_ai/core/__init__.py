"""What runs inside a production process: standard library only."""
