"""The test run checks array shapes: without this, every annotation in the package could lie."""

from __future__ import annotations

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from densesynth.geometry.mesh import Mesh


def test_wrong_shapes_and_dtypes_are_caught() -> None:
    faces = np.zeros((1, 3), np.int32)
    Mesh(np.zeros((3, 3), np.float32), faces)
    with pytest.raises(TypeCheckError):
        Mesh(np.zeros((3, 2), np.float32), faces)
    with pytest.raises(TypeCheckError):
        Mesh(np.zeros((3, 3), np.float64), faces)
