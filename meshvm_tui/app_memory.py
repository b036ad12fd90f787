"""What is loaded stays to the end: the garbage collector passes over it.

Otherwise each of its great collections goes through every class and function of the libraries, and holds the screen for
a tenth of a second.
"""

from __future__ import annotations

import gc
import sys


def rest_until_shown() -> None:
    """For the command, before it loads the app: until the first frame nothing is garbage."""
    gc.disable()


class Settled:
    """Takes what was loaded out of all further collections; only where the collector rested when the app was made."""

    def __init__(self) -> None:
        self._on = not gc.isenabled()
        self._loaded = 0

    def shown(self) -> None:
        """The first frame is there: from now on there may be garbage."""
        if self._on:
            self.loaded()
            gc.enable()

    def loaded(self) -> None:
        """Called now and then: does it again where further modules were loaded, which ends sometime."""
        if self._on and len(sys.modules) != self._loaded:
            self._loaded = len(sys.modules)
            gc.freeze()
