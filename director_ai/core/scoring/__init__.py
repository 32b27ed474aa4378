"""Scorers: how coherent an answer is with the facts it should rest on."""
