"""A small dataset on disk: two overlapping ellipses for people, parts in bands, U and V as gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from densesynth.data.coco import annotation_of
from densesynth.data.dataset import finish, open_output
from densesynth.data.record import FrameRecord, write_record
from densesynth.data.schema import Licence, Manifest
from densesynth.label.person import DensePoints, Person
from densesynth.surface.parts import FINE_TO_COARSE

HEIGHT, WIDTH = 96, 128


def person_of_mask(instance: int, mask: np.ndarray, fine: np.ndarray, iuv: np.ndarray) -> Person:
    rows, columns = np.nonzero(mask)
    x, y = int(columns.min()), int(rows.min())
    w, h = int(columns.max()) - x + 1, int(rows.max()) - y + 1
    pick = np.linspace(0, len(rows) - 1, 12).astype(int)
    keypoints = np.zeros((17, 3), dtype=np.float32)
    keypoints[:, 0] = x + w * (0.5 + 0.35 * np.cos(np.arange(17)))
    keypoints[:, 1] = y + h * (0.05 + 0.9 * np.arange(17) / 16)
    keypoints[:, 2] = 2
    keypoints[9, 2] = 1
    keypoints[16] = 0
    return Person(
        instance=instance,
        bbox=(float(x), float(y), float(w), float(h)),
        area=int(mask.sum()),
        mask=mask,
        coarse=np.where(mask, FINE_TO_COARSE[fine], 0).astype(np.uint8),
        keypoints=keypoints,
        keypoints_in_camera=np.ones((17, 3), dtype=np.float32),
        joints=np.zeros((52, 2), dtype=np.float32),
        points=DensePoints(
            x=(columns[pick] + 0.5).astype(np.float32),
            y=(rows[pick] + 0.5).astype(np.float32),
            part=fine[rows[pick], columns[pick]],
            u=(iuv[rows[pick], columns[pick], 1] / 255).astype(np.float32),
            v=(iuv[rows[pick], columns[pick], 2] / 255).astype(np.float32),
            vertex=np.arange(12, dtype=np.int32),
        ),
        visible_vertices=np.ones(20, dtype=bool),
        occluded=0.25,
        truncated=0.0,
        ref_model="ellipse",
    )


def make_frame(index: int, people: int = 2) -> FrameRecord:
    """Frame `index`: `people` ellipses, the later ones in front."""
    rng = np.random.default_rng(index)
    row, column = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    instance = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    for k in range(people):
        centre = 40 + 36 * k + rng.uniform(-8, 8)
        instance[((column - centre) / 26) ** 2 + ((row - 50) / 40) ** 2 < 1] = k + 1
    body = instance > 0
    fine = np.where(body, (row - 8) * 24 // (HEIGHT - 8) + 1, 0).clip(0, 24).astype(np.uint8)
    u, v = np.where(body, column * 2 % 256, 0), np.where(body, row * 2.5 % 256, 0)
    iuv = np.dstack([fine, u.astype(np.uint8), v.astype(np.uint8)])
    labelled = int(body.sum())
    masks = [instance == k + 1 for k in range(people)]
    return FrameRecord(
        index=index,
        seed=0,
        picture=np.clip(rng.normal(120, 8, (HEIGHT, WIDTH, 3)) + 50 * body[..., None], 0, 255).astype(np.uint8),
        iuv=iuv,
        segmentation=np.dstack([instance, FINE_TO_COARSE[fine], fine]),
        surface={
            "instance": instance,
            "face": np.arange(labelled, dtype=np.uint16) % 30,
            "barycentrics": np.full((labelled, 2), 1 / 3, dtype=np.float32),
            "depth": (3.0 + row[body] / HEIGHT).astype(np.float32),
            "normal": np.tile(np.array([0, 0, -127], dtype=np.int8), (labelled, 1)),
            "coverage": instance,
            "camera_from_world": np.eye(4),
            "intrinsics": np.array([100.0, 100.0, WIDTH / 2, HEIGHT / 2]),
            "distortion": np.zeros(5),
            "betas": np.zeros((people, 6), dtype=np.float32),
            "rotations": np.zeros((people, 52, 3), dtype=np.float32),
            "transl": np.zeros((people, 3), dtype=np.float32),
            "keypoints_in_world": np.zeros((people, 17, 3), dtype=np.float32),
            "joints_in_world": np.zeros((people, 52, 3), dtype=np.float32),
            "visible_vertices": np.zeros((people, 3), dtype=np.uint8),
        },
        annotations=tuple(
            annotation_of(person_of_mask(k + 1, mask, fine, iuv), index) for k, mask in enumerate(masks) if mask.any()
        ),
    )


@pytest.fixture
def make_dataset(tmp_path: Path) -> Callable[[int], Path]:
    """A function: number of frames → folder of a finished dataset; frame 1 shows nobody."""

    def make(frames: int, name: str = "ellipses & <friends>") -> Path:
        folder = tmp_path / name
        licences = [Licence(name="shapes", licence="CC0", source="drawn here")]
        open_output(
            folder,
            Manifest(version="0.1.0", configuration={}, seed=7, frames=frames, body="ellipse", licences=licences),
        )
        for index in range(frames):
            write_record(folder, make_frame(index, people=0 if index == 1 else 2), jpeg_quality=90)
        finish(folder)
        return folder

    return make
