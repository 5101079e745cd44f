"""The kernel that labels a picture against the NumPy that audits use: equal to the bit."""

from __future__ import annotations

import numpy as np

from densesynth.label.charts import chart_surface, label_charts
from densesynth.render.buffers import Buffers
from densesynth.surface.atlas import load_atlas


def test_kernel_and_numpy_agree_to_the_bit() -> None:
    atlas, rng, shape = load_atlas(), np.random.default_rng(0), (61, 83)
    instance = rng.integers(0, 4, shape).astype(np.uint8)
    there = instance > 0
    face = np.where(there, rng.integers(0, len(atlas.faces), shape), -1).astype(np.int32)
    barycentrics = rng.dirichlet((0.5, 0.5, 0.5), shape).astype(np.float32) * there[..., None]
    nothing = np.zeros(shape, np.float32)
    buffers = Buffers(instance, face, barycentrics, nothing, np.zeros((*shape, 3), np.float32), instance.astype("u4"))
    made = label_charts(buffers, atlas)
    audited = chart_surface(instance, face[there], barycentrics[there][:, :2], atlas)
    for name, array in vars(made).items():
        expected = getattr(audited, name)
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected, err_msg=name)
