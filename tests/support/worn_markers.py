"""Clips of markers worn by a body whose shape and pose are known, and how far a fit of them is from the truth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from densesynth.body.differentiable import DifferentiableBody
from densesynth.fitting.fit import FittedClip
from densesynth.fitting.problem import dress
from densesynth.motion.clip import MarkerClip
from densesynth.motion.library import draw_variation, pose_at
from densesynth.motion.markers import load_marker_set


@dataclass(frozen=True)
class Worn:
    """A clip, and the truth: joints (frames, 52, 3), metres."""

    clip: MarkerClip
    betas: np.ndarray
    rotations: np.ndarray
    transl: np.ndarray
    joints: np.ndarray


def wear(
    body: DifferentiableBody,
    betas: np.ndarray,
    motion: str,
    seed: int,
    *,
    marker_set: str = "plug_in_gait",
    frames: int = 12,
    rate: float = 30.0,
    noise: float = 0.002,
    gaps: float = 0.2,
    misplaced: float = 0.0,
) -> Worn:
    """A person does a motion of the library, in any direction, wearing a whole marker set.

    noise: metres, of every coordinate. gaps: share of markers missing, at random. misplaced: how far markers sit from
    where they should, in units of what the set says people do.
    """
    rng = np.random.default_rng(seed)
    variation = draw_variation(rng)
    begin = rng.uniform(0.0, 3.0)
    poses = [pose_at(motion, begin + k / rate, variation).rotations for k in range(frames)]
    rotations = np.stack(poses).astype(np.float64)
    facing = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi))
    rotations[:, 0] = (facing * Rotation.from_rotvec(rotations[:, 0])).as_rotvec()
    transl = rng.normal(size=3) + np.arange(frames)[:, None] / rate * rng.normal(scale=0.5, size=3)
    markers = load_marker_set(marker_set)
    subject = dress(body, markers, tuple(markers.markers), 0.0095, 0.004)
    vertices, joints = body.forward(
        torch.as_tensor(betas[None]).double(), torch.as_tensor(rotations), torch.as_tensor(transl), subject.markers.at
    )
    moved = torch.as_tensor(rng.normal(size=subject.nominal.shape)) * subject.freedom * misplaced
    positions = subject.markers.predict(vertices, subject.nominal + moved).numpy()
    positions = positions + rng.normal(scale=noise, size=positions.shape) if noise else positions.copy()
    positions[rng.uniform(size=positions.shape[:2]) < gaps] = np.nan
    clip = MarkerClip(f"{motion}-{seed}", tuple(markers.markers), positions, rate)
    return Worn(clip, betas, rotations, transl, joints.numpy())


def joint_errors(body: DifferentiableBody, fitted: FittedClip, worn: Worn) -> np.ndarray:
    """How far the joints from pelvis to wrists are from the truth (frames, 22), metres; fingers wear no markers."""
    _, joints = body.forward(
        torch.as_tensor(fitted.betas[None]).double(),
        torch.as_tensor(fitted.rotations).double(),
        torch.as_tensor(fitted.transl).double(),
        torch.tensor([0]),
    )
    return np.linalg.norm(joints.numpy() - worn.joints, axis=-1)[:, :22]


def write_tsv(path: Path, clip: MarkerClip) -> None:
    """A marker export as Qualisys Track Manager writes it: millimetres, empty cells in gaps."""
    rows = [
        "\t".join("\t\t" if np.isnan(place).any() else "\t".join(f"{1e3 * x:.3f}" for x in place) for place in frame)
        for frame in clip.positions
    ]
    header = (f"NO_OF_FRAMES\t{clip.frames}", f"FREQUENCY\t{clip.frame_rate:g}", "DATA_INCLUDED\t3D",
              "MARKER_NAMES\t" + "\t".join(clip.labels))  # fmt: skip
    path.write_text("\n".join([*header, *rows]) + "\n")
