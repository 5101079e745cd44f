"""A maker of numbers that worker processes can import quickly."""

from __future__ import annotations

import os
import time


class NumbersMaker:
    def make(self, step: int) -> tuple[int, int]:
        time.sleep(0.002 * (step % 3))  # so that they aren't finished in order
        if step == 1000:
            os._exit(1)
        return step * step, os.getpid()
