from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from reference import Reference


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()
