"""Search for a policy: selection, proposals, Pareto front, plateaus, cautions."""
