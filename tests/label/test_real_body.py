"""The same laws on the default body: what a camera sees from before, behind and beside."""

from __future__ import annotations

import numpy as np
import pytest

from densesynth.body.anny import AnnyBody, load_anny
from densesynth.body.body import COCO_KEYPOINTS
from densesynth.geometry.camera import Camera, look_at
from densesynth.geometry.mesh import Mesh
from densesynth.geometry.skeleton import JOINT
from densesynth.label.annotate import annotate
from densesynth.label.charts import label_charts
from densesynth.label.keypoints import cast_keypoints
from densesynth.render.render import rasterise
from densesynth.surface.atlas import load_atlas


@pytest.fixture(scope="module")
def body() -> AnnyBody:
    return load_anny()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("eye", "hidden"),
    [
        ((0.0, -4.0, 0.2), set()),
        ((0.0, 4.0, 0.2), {"nose", "left_eye", "right_eye"}),
        ((4.0, 0.0, 0.2), {"right_eye", "right_ear", "right_shoulder", "right_elbow", "right_wrist", "right_hip"}),
    ],
)
def test_codes(body: AnnyBody, seed: int, eye: tuple[float, float, float], hidden: set[str]) -> None:
    rotations = np.zeros((1, 52, 3), np.float32)
    rotations[0, JOINT["left_shoulder"]] = (0.3, 1.0, 0.0)
    rotations[0, JOINT["right_shoulder"]] = (0.3, -1.0, 0.0)
    betas = body.sample_betas(np.random.default_rng(seed))[None]
    posed = body.pose(betas, rotations, np.zeros((1, 3), np.float32))
    camera = Camera(
        width=256, height=256, fx=400.0, fy=400.0, cx=128.0, cy=128.0,
        camera_from_world=look_at(np.array(eye), np.zeros(3)),
    )  # fmt: skip
    atlas = load_atlas()
    view = rasterise([Mesh(posed.vertices[0], body.faces)], camera)
    buffers = view.buffers()
    labels = label_charts(buffers, atlas)
    visible = view.visible_vertices(0)[None]
    hits = cast_keypoints(view, posed)
    (person,) = annotate(labels, buffers, camera, atlas, posed, visible, hits, np.random.default_rng(0))
    code = dict(zip(COCO_KEYPOINTS, person.keypoints[:, 2].astype(int).tolist(), strict=True))
    uncertain = (
        {"left_hip", "left_wrist", "right_knee", "right_ankle"} if eye[0] else set()
    )  # arm before hip, legs in line
    assert {name for name, value in code.items() if value == 1} - uncertain == hidden
    assert 0 not in code.values()
    assert 100 <= len(person.points.x) <= 196
