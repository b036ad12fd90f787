"""The lab: everything that the product talks to, on loopback, for practice, demonstration and tests."""
