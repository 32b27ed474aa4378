"""Validation of a selected policy: out-of-bag estimate, permutation test, advice."""
