"""Preflight: each check is a pure function from an observation to findings."""
