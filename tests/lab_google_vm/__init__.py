"""Instances of the lab's Google Cloud, with real lab VMs behind them."""
