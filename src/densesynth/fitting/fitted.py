"""Fitted clips on disk, in AMASS's layout, so that whatever reads AMASS reads them: `densesynth fit` writes them.

`poses` (156), `trans`, `mocap_framerate` as SMPL-H's in AMASS; `betas` and `gender` for bodies of SMPL's family (no
`gender` where the body's file tells none); Anny's shape is in `anny_betas`. `pelvis` is where the pelvis lies in the
body at rest, SMPL's own axes: `trans` is counted from there, exactly for the fitted shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from densesynth.arrays import Array
from densesynth.body.anny import load_anny
from densesynth.body.differentiable import DifferentiableBody, differentiable_anny
from densesynth.body.differentiable_smpl import DifferentiableSmpl, differentiable_smpl
from densesynth.body.smpl import load_smpl
from densesynth.data.archive import pack_npz
from densesynth.data.files import make_folder, write_bytes
from densesynth.errors import ConfigurationError
from densesynth.fitting.fit import FittedClip
from densesynth.geometry.rotations import compose
from densesynth.motion.amass import PELVIS_FROM_ORIGIN
from densesynth.motion.clip import MarkerClip


def open_differentiable(body: str, report: Callable[[str], None] | None = None) -> DifferentiableBody:
    """`anny`, or the body of a file of SMPL's family. Raises AssetError."""
    return differentiable_anny(load_anny(report)) if body == "anny" else differentiable_smpl(load_smpl(Path(body)))


def every_nth(clip: MarkerClip, every: int) -> MarkerClip:
    """Every so many frames of a clip. Raises ConfigurationError below 1."""
    if every < 1:
        raise ConfigurationError(f"--every {every}: give a whole number of at least 1")
    return replace(clip, positions=clip.positions[::every].copy(), frame_rate=clip.frame_rate / every)


def write_fitted(path: Path, fitted: FittedClip, body: DifferentiableBody) -> None:
    """Write the clip, whole or not at all; its folder is made. Raises ConfigurationError, DatasetError."""
    if path.suffix.lower() != ".npz":
        raise ConfigurationError(f"{path}: the clip is written as .npz; give a name that ends so")
    rotations = fitted.rotations.astype(np.float64)
    poses = np.stack([rotations[..., 0], rotations[..., 2], -rotations[..., 1]], axis=-1)
    poses[:, 0] = compose(rotations[:, 0], np.broadcast_to([np.pi / 2.0, 0.0, 0.0], (len(rotations), 3)))
    pelvis = PELVIS_FROM_ORIGIN
    if isinstance(body, DifferentiableSmpl):
        pelvis = body.pelvis_at_rest(fitted.betas.astype(np.float64))
    arrays: dict[str, Array] = {
        "poses": poses.reshape(len(poses), 156),
        "trans": fitted.transl.astype(np.float64) - pelvis,
        "pelvis": pelvis,
        "mocap_framerate": np.array(fitted.frame_rate),
    }
    if body.name == "anny":
        arrays["anny_betas"] = fitted.betas
    else:
        arrays["betas"] = fitted.betas
        if "_" in body.name:
            arrays["gender"] = np.array(body.name.rpartition("_")[2])
    make_folder(path.parent)
    write_bytes(path, pack_npz(arrays))
