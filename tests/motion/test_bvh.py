"""BVH: what the channels mean, every channel order, odd files, one clear error for damaged ones, fuzz."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from densesynth.errors import AssetError
from densesynth.geometry.rotations import matrix_from_vector
from densesynth.motion.bvh import parse_bvh, read_bvh

LEG = """HIERARCHY
ROOT Hips
{
  OFFSET 0 90 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Knee
  {
    OFFSET 0 -40 0
    CHANNELS 3 Zrotation Xrotation Yrotation
    End Site
    {
      OFFSET 0 -45 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.04
0 0 0  0 0 0  0 0 0
1 2 3  10 20 30  40 50 60
"""


def test_names_places_rotations_and_rate():
    clip = parse_bvh(LEG, "leg.bvh", unit="cm")
    assert clip.joints == ("Hips", "Knee", "Knee (end)")
    assert clip.parents == (-1, 0, 1)
    assert clip.frame_rate == pytest.approx(25.0)
    assert clip.unit == 0.01
    # y up becomes z up, z forward becomes −y
    assert np.allclose(clip.offsets, [[0, 0, 0.9], [0, 0, -0.4], [0, 0, -0.45]])
    assert np.allclose(clip.root, [[0, 0, 0.9], [0.01, -0.03, 0.92]])
    to_ours = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    for joint, order, angles in ((0, "ZYX", (10, 20, 30)), (1, "ZXY", (40, 50, 60))):
        expected = to_ours @ Rotation.from_euler(order, angles, degrees=True).as_matrix() @ to_ours.T
        assert np.allclose(matrix_from_vector(clip.rotations[1, joint]), expected)


@pytest.mark.parametrize("order", ["".join(p) for n in (1, 2, 3) for p in itertools.permutations("XYZ", n)])
def test_every_channel_order_is_the_first_outermost(order):
    channels = " ".join(f"{axis}rotation" for axis in order)
    angles = (25.0, -40.0, 70.0)[: len(order)]
    text = (
        f"HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS {len(order)} {channels}\n}}\nMOTION\nFrames: 1\n"
        f"Frame Time: 0.1\n{' '.join(map(str, angles))}\n"
    )
    clip = parse_bvh(text, "a.bvh", up="z")
    expected = Rotation.from_euler(order, angles, degrees=True).as_matrix()
    assert np.allclose(matrix_from_vector(clip.rotations[0, 0]), np.squeeze(expected))


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        (LEG.replace("Frames: 2", "Frames: 0").split("0 0 0  0")[0], 0),
        (LEG.replace("Frames: 2", "Frames: 1").split("1 2 3")[0], 1),
        (LEG.replace("Frames: 2", "Frames: 1").replace("0.04", "0").split("1 2 3")[0], 1),
    ],
)
def test_files_of_no_frame_and_of_one(text, frames):
    clip = parse_bvh(text, "still.bvh")
    assert clip.frames == frames
    assert clip.world()[1].shape == (frames, 3, 3)


def test_line_ends_marks_tabs_and_braces_beside_names_do_not_matter(tmp_path):
    plain = parse_bvh(LEG, "a.bvh")
    odd = "\ufeff" + LEG.replace("\n", "\r\n").replace("  ", "\t").replace("Hips\r\n{", "Hips {\r\n") + "\r\n\r\n"
    path = tmp_path / "odd.bvh"
    path.write_bytes(odd.encode())
    clip = read_bvh(path)
    assert np.array_equal(clip.rotations, plain.rotations)
    assert np.array_equal(clip.offsets, plain.offsets)


def test_position_channels_of_joints_say_the_place_or_the_shift():
    text = LEG.replace("CHANNELS 3 Zrotation", "CHANNELS 6 Xposition Yposition Zposition Zrotation")
    for numbers, expected in (("0 -41 0", -0.41), ("0 -0.5 0", -0.405)):
        moving = text.replace("0 0 0  0 0 0  0 0 0", f"0 0 0  0 0 0  {numbers} 0 0 0")
        moving = moving.replace("40 50 60", f"{numbers} 40 50 60")
        assert parse_bvh(moving, "a.bvh", unit="cm").offsets[1, 2] == pytest.approx(expected)


def person(unit: float, up: str) -> str:
    """A standing person in another unit and with another axis up."""

    def at(x: float, y: float, z: float) -> str:
        x, y, z = x / unit, y / unit, z / unit
        return f"OFFSET {x} {z} {-y}" if up == "y" else f"OFFSET {x} {y} {z}"

    def limb(side: str, sign: float) -> str:
        return (
            f"JOINT {side}UpLeg {{ {at(0.1 * sign, 0, -0.05)}\nJOINT {side}Leg {{ {at(0, 0, -0.42)}\n"
            f"JOINT {side}Foot {{ {at(0, 0, -0.41)}\n}} }} }}\n"
            f"JOINT {side}Arm {{ {at(0.18 * sign, 0, 0.45)}\nJOINT {side}ForeArm {{ {at(0.27 * sign, 0, 0)}\n"
            f"JOINT {side}Hand {{ {at(0.25 * sign, 0, 0)}\n}} }} }}\n"
        )

    lines = f"HIERARCHY ROOT Hips {{ {at(0, 0, 0)}\n{limb('Left', 1)}{limb('Right', -1)} }} MOTION"
    for mark in ("{", "}", "ROOT", "JOINT", "OFFSET", "MOTION"):
        lines = lines.replace(mark, f"\n{mark}" if mark not in "{}" else f"\n{mark}\n")
    return lines + "\nFrames: 0\nFrame Time: 0.1\n"


@pytest.mark.parametrize(
    ("unit", "found"), [(1.0, 1.0), (0.01, 0.01), (0.0254, 0.0254), (0.0254 / 0.45, 0.0254 / 0.45)]
)
@pytest.mark.parametrize("up", ["y", "z"])
def test_unit_and_upward_axis_are_told_from_the_rest_pose(unit, found, up):
    clip = parse_bvh(person(unit, up), "person.bvh")
    assert clip.unit == pytest.approx(found)
    head, foot = clip.joints.index("LeftArm"), clip.joints.index("LeftFoot")
    assert np.allclose(clip.rest()[head] - clip.rest()[foot], [0.08, 0.0, 1.33], atol=1e-9)


def test_an_unheard_of_unit_makes_an_adult_and_can_be_given():
    clip = parse_bvh(person(0.037, "y"), "person.bvh")
    assert np.ptp(clip.rest()[:, 2]) == pytest.approx(1.33, abs=0.05)
    assert parse_bvh(person(0.037, "y"), "person.bvh", unit=0.037).unit == 0.037
    with pytest.raises(AssetError, match="furlong"):
        parse_bvh(LEG, "a.bvh", unit="furlong")
    with pytest.raises(AssetError, match="x, y or z"):
        parse_bvh(LEG, "a.bvh", up="w")


BROKEN = {
    "a row that is short": (LEG.replace("40 50 60", "40 50"), r"leg\.bvh:20: expected 9 numbers in frame 2, found 8"),
    "not a number": (LEG.replace("40 50 60", "40 nan 60"), r":20: .*nan in column 8"),
    "infinite": (LEG.replace("40 50 60", "40 inf 60"), "finite"),
    "a word": (LEG.replace("40 50 60", "40 fifty 60"), "“fifty”"),
    "rows missing": (LEG.replace("Frames: 2", "Frames: 3"), "expected 3 rows of motion, found 2"),
    "rows too many": (LEG.replace("Frames: 2", "Frames: 1"), "expected 1 rows of motion, found 2"),
    "no time": (LEG.replace("Frame Time: 0.04", "Frame Time: 0"), "above 0 s"),
    "another file": ("hello", "no BVH file"),
    "empty": ("", "cut off"),
    "cut off": (LEG[:150], "cut off"),
    "a brace missing": (LEG.replace("    }\n", "", 1), "expected|unexpected"),
    "a brace too many": (LEG.replace("MOTION", "}\nMOTION"), "unexpected"),
    "two roots": (LEG.replace("MOTION", "ROOT b\n{\nOFFSET 0 0 0\n}\nMOTION"), "one ROOT"),
    "a strange channel": (LEG.replace("Xposition", "Wposition"), "Wposition"),
    "a channel count that lies": (LEG.replace("CHANNELS 3", "CHANNELS 4"), "says 4 and names 3"),
    "a channel twice": (LEG.replace("CHANNELS 3 Zrotation X", "CHANNELS 3 Xrotation X"), "once"),
    "no offset": (LEG.replace("    OFFSET 0 -40 0\n", ""), "OFFSET for joint Knee"),
    "an offset that is short": (LEG.replace("OFFSET 0 -40 0", "OFFSET 0 -40"), "3 numbers in OFFSET"),
    "a joint in an end site": (LEG.replace("      OFFSET 0 -45 0", "      JOINT x\n"), "End Site"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_one_line_tells_what_is_broken(what):
    text, message = BROKEN[what]
    with pytest.raises(AssetError, match=message) as caught:
        parse_bvh(text, "leg.bvh")
    assert "leg.bvh" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "none.bvh", tmp_path):
        with pytest.raises(AssetError, match="can't be read"):
            read_bvh(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_anywhere_gives_a_clip_or_one_error(data):
    text = LEG
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(at + 40, len(text))))
        text = (
            text[:at]
            + data.draw(st.text(max_size=12) | st.sampled_from(["{", "}", "\n", "1e400", "-", "JOINT a\n"]))
            + text[end:]
        )
    try:
        clip = parse_bvh(text, "fuzz.bvh")
    except AssetError as error:
        message = str(error)
    else:
        assert np.isfinite(clip.rotations).all()
        return
    assert "fuzz.bvh" in message
    assert len(message.splitlines()) == 1


@settings(max_examples=100, deadline=None)
@example("HIERARCHY\nROOT\n")
@given(st.text(max_size=300))
def test_any_text_gives_one_error(text):
    with pytest.raises(AssetError):
        parse_bvh(text, "any.bvh")


def test_very_deep_skeletons_do_not_exhaust_the_stack():
    depth = 3000
    text = "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\n" + "JOINT b\n{\nOFFSET 0 1 0\n" * depth + "}\n" * (depth + 1)
    clip = parse_bvh(text + "MOTION\nFrames: 0\nFrame Time: 0.1\n", "deep.bvh")
    assert len(clip.joints) == depth + 1
