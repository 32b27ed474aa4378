"""The console command: one module for each group of commands, loaded only when it is run."""
