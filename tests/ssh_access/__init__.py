"""Tests of the way into instances on Compute Engine."""
