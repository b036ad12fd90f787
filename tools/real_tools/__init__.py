"""Gets the real programs that the tests are held against; `versions.toml` says which."""
