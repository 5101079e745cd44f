"""Acclaim files: bones' axes, orders, units, the skeleton beside the motion, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.motion.asf import read_amc
from densesynth.motion.read import read_clip
from densesynth.motion.retarget import retarget

# name, parent, direction, length (CMU's units), axes, degrees of freedom; of the left side
SIDE = [
    ("hipjoint", "root", (0.66, -0.65, 0.0), 2.4, (0, 0, 0), ""),
    ("femur", "hipjoint", (0.342, -0.940, 0.0), 7.2, (0, 0, 20), "rx ry rz"),
    ("tibia", "femur", (0.342, -0.940, 0.0), 7.3, (0, 0, 20), "rx"),
    ("foot", "tibia", (0.09, -0.24, 0.966), 2.2, (-90, 0, 20), "rx rz"),
    ("toes", "foot", (0.0, 0.0, 1.0), 1.0, (-90, 0, 0), "rx"),
    ("clavicle", "thorax", (0.9, 0.43, 0.0), 3.2, (0, 0, 0), "ry rz"),
    ("humerus", "clavicle", (1, 0, 0), 4.9, (180, 30, 90), "rx ry rz"),
    ("radius", "humerus", (1, 0, 0), 3.1, (180, 30, 90), "rx"),
    ("wrist", "radius", (1, 0, 0), 1.6, (180, 30, 90), "ry"),
]
BONES = [
    ("lowerback", "root", (0, 1, 0), 2.0, (0, 0, 0), "rx ry rz"),
    ("thorax", "lowerback", (0, 1, 0), 4.0, (0, 0, 0), "rx ry rz"),
    ("lowerneck", "thorax", (0, 1, 0), 1.6, (0, 0, 0), "rx"),
    ("head", "lowerneck", (0, 1, 0), 1.6, (0, 0, 0), "rx"),
]
for _side, _sign in (("l", 1.0), ("r", -1.0)):
    for _name, _parent, (_x, _y, _z), _length, (_a, _b, _c), _dof in SIDE:
        _on = _parent if _parent in ("root", "thorax") else _side + _parent
        BONES.append((_side + _name, _on, (_x * _sign, _y, _z), _length, (_a, _b, _c * _sign), _dof))


def asf_text() -> str:
    bones = "".join(
        f"  begin\n    id {k}\n    name {name}\n    direction {' '.join(map(str, direction))}\n    length {length}\n"
        f"    axis {' '.join(map(str, axes))} XYZ\n{'    dof ' + dof if dof else ''}\n    limits (-180 180)\n  end\n"
        for k, (name, _, direction, length, axes, dof) in enumerate(BONES, start=1)
    )
    children: dict[str, list[str]] = {}
    for name, parent, *_ in BONES:
        children.setdefault(parent, []).append(name)
    hierarchy = "".join(f"    {parent} {' '.join(names)}\n" for parent, names in children.items())
    return (
        "# a skeleton\n:version 1.10\n:name test\n:units\n  mass 1.0\n  length 0.45\n  angle deg\n"
        ":documentation\n  none\n"
        ":root\n  order TX TY TZ RX RY RZ\n  axis XYZ\n  position 0 0 0\n  orientation 0 0 0\n:bonedata\n"
        f"{bones}:hierarchy\n  begin\n{hierarchy}  end\n"
    )


def amc_text(frames: int, angles: dict[str, list[float]] | None = None) -> str:
    lines = ["#!OML:ASF test", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(frames):
        lines += [str(frame + 1), f"root 0 {16.0 + 0.01 * frame} 0 0 0 0"]
        for name, *_, dof in BONES:
            if not dof:
                continue
            values = (angles or {}).get(name, [0.0] * len(dof.split()))
            lines.append(f"{name} {' '.join(str(v * frame / max(frames - 1, 1)) for v in values)}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "02.asf").write_text(asf_text())
    (tmp_path / "02_01.amc").write_text(amc_text(5, {"lhumerus": [10.0, 20.0, 30.0], "ltibia": [40.0]}))
    return tmp_path


def test_rest_pose_and_unit(folder):
    clip = read_clip(folder / "02_01.amc")
    assert clip.frame_rate == 120.0
    assert clip.unit == pytest.approx(0.0254 / 0.45)
    rest = clip.rest()
    shank = rest[clip.joints.index("lfoot")] - rest[clip.joints.index("ltibia")]
    assert np.allclose(shank, np.array([0.342, 0.0, -0.940]) / np.hypot(0.342, 0.94) * 7.3 * clip.unit, atol=1e-6)
    assert np.allclose(clip.root[-1], [0.0, 0.0, 16.04 * clip.unit])
    assert "ltoes (end)" in clip.joints


def test_rotations_apply_in_the_bones_own_axes(folder):
    clip = read_clip(folder / "02_01.amc")
    to_ours = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    axes = Rotation.from_euler("xyz", (180, 30, 90), degrees=True).as_matrix()  # about fixed axes, x first
    motion = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    expected = to_ours @ axes @ motion @ axes.T @ to_ours.T
    assert np.allclose(matrix_from_vector(clip.rotations[-1, clip.joints.index("lhumerus")]), expected)


def test_it_retargets(folder):
    done = retarget(read_clip(folder / "02_01.amc"))
    assert np.nanmedian(done.errors) < 1.0
    assert done.poses.shape == (5, 52, 3)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("02_01.amc", "ltibia 40.0", "ltibia", "expected 1 finite numbers"),
        ("02_01.amc", "ltibia 40.0", "ltibia nan", "finite"),
        ("02_01.amc", "ltibia 40.0", "lfin 40.0", "lfin is not in"),
        ("02_01.amc", "rwrist 0.0\n", "", "lacks rwrist"),
        ("02.asf", "    ltibia lfoot", "    ltibia lfeet", "lfeet"),
        ("02.asf", "dof rx ry rz", "dof rx rq rz", "rq"),
        ("02.asf", ":bonedata", ":bones", "bonedata"),
        ("02.asf", "length 7.2", "length long", "long"),
    ],
)
def test_what_is_wrong_is_told(folder, file, old, new, message):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    with pytest.raises(AssetError, match=message):
        read_amc(folder / "02_01.amc")


def test_the_skeleton_must_be_there(folder):
    (folder / "02.asf").rename(folder / "a.asf")
    assert read_amc(folder / "02_01.amc").frames == 5  # the only one
    (folder / "b.asf").write_text(asf_text())
    with pytest.raises(AssetError, match=r"02_01\.asf beside it, found 2"):
        read_amc(folder / "02_01.amc")
    assert read_amc(folder / "02_01.amc", folder / "b.asf", frame_rate=60.0).frame_rate == 60.0
