"""Any motion file by its name and content."""

from __future__ import annotations

import os
from pathlib import Path

from densesynth.errors import AssetError
from densesynth.motion.amass import read_amass
from densesynth.motion.asf import read_amc
from densesynth.motion.bvh import read_bvh
from densesynth.motion.c3d import read_c3d
from densesynth.motion.clip import MarkerClip, MotionClip
from densesynth.motion.qualisys import is_skeleton, read_qualisys_markers, read_qualisys_skeleton

CLIP_SUFFIXES = (".bvh", ".npz", ".amc", ".tsv")
MARKER_SUFFIXES = (".c3d", ".tsv")


def read_clip(path: str | os.PathLike[str]) -> MotionClip:
    """A skeleton's motion: BVH, AMASS .npz, AMC (its .asf beside it), Qualisys skeleton TSV. Raises AssetError."""
    suffix = Path(path).suffix.lower()
    if suffix == ".bvh":
        return read_bvh(path)
    if suffix == ".npz":
        return read_amass(path)
    if suffix == ".amc":
        return read_amc(path)
    if suffix == ".tsv" and is_skeleton(path):
        return read_qualisys_skeleton(path)
    if suffix in MARKER_SUFFIXES:
        raise AssetError(
            f"{path}: holds markers, no skeleton; make a clip of it with `densesynth fit {path} --out CLIP.npz`"
        )
    raise AssetError(
        f"{path}: expected a skeleton's motion ({', '.join(CLIP_SUFFIXES)}), found “{suffix or 'no suffix'}”"
    )


def is_markers(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one that `read_markers` reads, by its name and, of a TSV, its header."""
    suffix = Path(path).suffix.lower()
    return suffix == ".c3d" or (suffix == ".tsv" and not is_skeleton(path))


def read_markers(path: str | os.PathLike[str]) -> MarkerClip:
    """Optical markers: C3D, Qualisys marker TSV. Raises AssetError."""
    suffix = Path(path).suffix.lower()
    if suffix == ".c3d":
        return read_c3d(path)
    if suffix == ".tsv" and not is_skeleton(path):
        return read_qualisys_markers(path)
    if suffix in CLIP_SUFFIXES:
        raise AssetError(f"{path}: holds a skeleton's motion, no markers; read it with `read_clip`")
    raise AssetError(
        f"{path}: expected optical markers ({', '.join(MARKER_SUFFIXES)}), found “{suffix or 'no suffix'}”"
    )
