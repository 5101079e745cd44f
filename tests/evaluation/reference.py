"""The field's evaluator on made-up people: inputs and answers of tests/evaluation/data/gps_seed0.npz."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from densesynth.data.results import Detection
from densesynth.evaluation.chart_mesh import ChartMesh
from densesynth.evaluation.truth import Truth, truth_of

PATH = Path(__file__).parent / "data" / "gps_seed0.npz"


class StraightDistances:
    """1.2 times the straight line: what the reference run took for geodesic."""

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        self.vertices = len(points)

    def between(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return 1.2 * np.linalg.norm(self.points[a] - self.points[b], axis=1)


class Reference:
    def __init__(self) -> None:
        file = np.load(PATH)
        self.file = {key: file[key] for key in file.files}
        self.content = json.loads(bytes(self.file["annotations"]))
        self.truth: Truth = truth_of(self.content, "reference")
        self.detections: list[Detection] = []
        at = 0
        for found, shape in zip(json.loads(bytes(self.file["detections"])), self.file["iuv_shapes"], strict=True):
            size = int(np.prod(shape))
            iuv = self.file["iuv_bytes"][at : at + size].reshape(shape)
            at += size
            x, y, w, h = found["bbox"]
            self.detections.append(
                Detection(image_id=found["image_id"], bbox=(x, y, w, h), score=found["score"], iuv=iuv)
            )
        self.mesh = ChartMesh(
            part=self.file["chart_part"],
            uv=np.stack([self.file["chart_u"], self.file["chart_v"]], axis=1),
            vertex=self.file["chart_vertex"],
            vertices=len(self.file["mesh_vertices"]),
        )
        self.distances = StraightDistances(self.file["mesh_vertices"])

    def gps(self) -> dict[int, np.ndarray]:
        """Image id → (2, detections, people): GPS and box IoU."""
        answers, at = {}, 0
        for image_id, shape in zip(self.file["gps_image_ids"], self.file["gps_shapes"], strict=True):
            size = int(np.prod(shape))
            answers[int(image_id)] = self.file["gps_values"][at : at + size].reshape(shape)
            at += size
        return answers
