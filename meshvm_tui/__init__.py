"""meshvm-tui: onboard virtual machines into an Istio mesh from the terminal."""

__version__ = "0.1.0"
