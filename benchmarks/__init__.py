"""Measurements as ratios taken in one run; never asserted by a test."""
