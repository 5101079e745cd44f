"""AMASS sequences (.npz of SMPL-H or SMPL-X parameters) as clips in our own joints.

SMPL's axes are x left, y up, z forward in the rest pose; a rotation vector in our axes has the same numbers in another
order, so poses pass bit by bit. The pelvis's rotation takes SMPL's rest pose to the z-up world and ours takes our rest
pose there. Keys as on https://amass.is.tue.mpg.de: SMPL-H has `poses` (156), `trans`, `betas`, `gender`,
`mocap_framerate`; SMPL-X (`…_stageii.npz`) has `poses` (165: jaw and eyes between body and hands) or `root_orient`,
`pose_body`, `pose_hand`, and `mocap_frame_rate`.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from densesynth.arrays import Array, Float64
from densesynth.errors import AssetError
from densesynth.geometry.rotations import compose
from densesynth.geometry.skeleton import JOINT, JOINT_NAMES, PARENTS
from densesynth.motion.clip import MotionClip
from densesynth.motion.figure import REST

# Of SMPL's mean shape, its own axes, metres: `trans` moves the body's origin, which lies this far from the pelvis.
PELVIS_FROM_ORIGIN = np.array([-0.0018, -0.2233, 0.0282])
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps")
_FINGER_LENGTHS = {"index": (0.11, 0.04, 0.025), "middle": (0.112, 0.043, 0.028), "ring": (0.105, 0.04, 0.026),
                   "pinky": (0.095, 0.03, 0.02), "thumb": (0.04, 0.03, 0.03)}  # fmt: skip
_FINGER_ASIDE = {"index": -0.028, "middle": 0.0, "ring": 0.02, "pinky": 0.041, "thumb": -0.026}


def read_amass(path: str | os.PathLike[str]) -> MotionClip:
    """An AMASS file as a clip whose joints are ours and whose rest pose is the average adult's T-pose.

    Raises AssetError for a file of another kind, a damaged one, and poses that are not finite numbers. Nothing in it is
    unpickled.
    """
    path = str(path)
    arrays = _read_arrays(path)
    poses = _poses(path, arrays)
    frames = len(poses)
    trans = _numbers(path, arrays, "trans", (frames, 3)) if "trans" in arrays else np.zeros((frames, 3))
    rate_key = next((key for key in _RATES if key in arrays), None)
    if rate_key is None:
        raise AssetError(f"{path}: expected a frame rate under `{_RATES[0]}`, found keys {', '.join(arrays)}; add it")
    rate = float(_numbers(path, arrays, rate_key, () if arrays[rate_key].shape == () else (1,)).item())
    if not rate > 0.0:
        raise AssetError(f"{path}: expected a frame rate above 0 Hz under `{rate_key}`, found {rate}")
    rotations = np.stack([poses[..., 0], -poses[..., 2], poses[..., 1]], axis=-1)
    # root: SMPL's rest → world = (our rest → world) ∘ (SMPL's rest → our rest), the last a quarter turn about x
    rotations[:, 0] = compose(poses[:, 0], np.broadcast_to([-np.pi / 2.0, 0.0, 0.0], (frames, 3)))
    # Files of `densesynth fit` tell where their shape's pelvis is; of others the mean shape's is near.
    pelvis = _numbers(path, arrays, "pelvis", (3,)) if "pelvis" in arrays else PELVIS_FROM_ORIGIN
    betas = _numbers(path, arrays, "betas", None).reshape(-1) if "betas" in arrays else None
    return MotionClip(
        name=Path(path).stem,
        joints=JOINT_NAMES,
        parents=PARENTS,
        offsets=canonical_offsets(),
        rotations=rotations,
        root=trans + pelvis,
        frame_rate=rate,
        betas=betas,
        gender=_gender(arrays),
    )


def canonical_offsets() -> Float64[Array, "52 3"]:
    """Rest offsets of our 52 joints for an average adult, metres; the pelvis at the origin."""
    offsets = np.zeros((52, 3))
    for joint, parent in enumerate(PARENTS[1:22], start=1):
        offsets[joint] = REST[joint] - REST[parent]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for finger, lengths in _FINGER_LENGTHS.items():
            for k, length in enumerate(lengths, start=1):
                aside = _FINGER_ASIDE[finger] if k == 1 else 0.0
                offsets[JOINT[f"{side}_{finger}{k}"]] = (sign * length, aside, 0.0)
    return offsets


def is_canonical(clip: MotionClip) -> bool:
    """Whether a clip already is in our joints and axes, as `read_amass` makes them."""
    return clip.joints == JOINT_NAMES and bool(np.array_equal(clip.offsets, canonical_offsets()))


def _read_arrays(path: str) -> dict[str, Array]:
    """The archive's numeric arrays and texts; object arrays, which would need unpickling, are left out."""
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise AssetError(f"{path}: expected an .npz archive of AMASS, found a single array")
            for key in archive.files:
                try:
                    arrays[key] = archive[key]
                except ValueError as error:
                    if "allow_pickle" not in str(error):
                        raise
    except FileNotFoundError:
        raise AssetError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise AssetError(f"{path}: expected an .npz archive of AMASS; it is damaged or none ({error})") from None
    return arrays


def _poses(path: str, arrays: dict[str, Array]) -> Float64[Array, "f 52 3"]:
    """Body and hands, in the order that SMPL-H and we share."""
    if "poses" in arrays and arrays["poses"].ndim == 2 and arrays["poses"].shape[1] in (156, 165):
        frames, columns = arrays["poses"].shape
        poses = _numbers(path, arrays, "poses", (frames, columns)).reshape(frames, -1, 3)
        return poses if columns == 156 else np.concatenate([poses[:, :22], poses[:, 25:]], axis=1)
    if "poses" not in arrays and {"root_orient", "pose_body", "pose_hand"} <= set(arrays):
        frames = len(arrays["root_orient"])
        parts = [
            _numbers(path, arrays, key, (frames, count))
            for key, count in (("root_orient", 3), ("pose_body", 63), ("pose_hand", 90))
        ]
        return np.concatenate(parts, axis=1).reshape(frames, 52, 3)
    found = f"`poses` of shape {arrays['poses'].shape}" if "poses" in arrays else f"keys {', '.join(arrays) or 'none'}"
    raise AssetError(
        f"{path}: expected AMASS's `poses` of shape (frames, 156) for SMPL-H or (frames, 165) for SMPL-X, found {found}"
    )


def _numbers(path: str, arrays: dict[str, Array], key: str, shape: tuple[int, ...] | None) -> Float64[Array, "..."]:
    values = arrays[key]
    if values.dtype.kind not in "fiu" or (shape is not None and values.shape != shape):
        raise AssetError(
            f"{path}: expected numbers of shape {shape} under `{key}`, found {values.dtype} {values.shape}"
        )
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        place = np.argwhere(~np.isfinite(values))
        frame = f" in frame {int(place[0, 0])}" if values.ndim > 1 else ""
        raise AssetError(
            f"{path}: expected finite numbers under `{key}`, found {values[tuple(place[0])]}{frame}; cut it"
        )
    return values


def _gender(arrays: dict[str, Array]) -> str | None:
    value = arrays.get("gender")
    if value is None or value.size != 1 or value.dtype.kind not in "US":
        return None
    text = value.item()
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    return said.removeprefix("b'").removesuffix("'").lower() or None  # bytes that were written as their Python spelling
