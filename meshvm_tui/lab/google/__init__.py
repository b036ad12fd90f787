"""The lab's Google Cloud: its APIs on loopback, and a world behind them that lasts in the lab's state folder."""
