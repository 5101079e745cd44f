"""What is known of triangle meshes."""

from __future__ import annotations

import numpy as np

from densesynth.geometry.mesh import is_closed

TETRAHEDRON = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]], np.int32)


def test_a_mesh_is_closed_when_every_edge_has_a_face_on_each_side() -> None:
    assert is_closed(TETRAHEDRON)
    assert is_closed(np.concatenate([TETRAHEDRON, TETRAHEDRON[:, ::-1] + 4]))
    assert not is_closed(TETRAHEDRON[:3])
    turned = TETRAHEDRON.copy()
    turned[0] = turned[0, ::-1]
    assert not is_closed(turned)
    assert not is_closed(np.concatenate([TETRAHEDRON, TETRAHEDRON[:1]]))
