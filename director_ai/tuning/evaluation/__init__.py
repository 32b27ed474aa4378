"""Evaluation of a policy on labelled curves: outcomes, metrics, intervals, sweeps, delay."""
