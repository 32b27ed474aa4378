"""Finite-sample guarantees on the false-halt rate: bounds, certificates, held-out set."""
