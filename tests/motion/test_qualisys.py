"""Qualisys TSV exports: markers with gaps, skeletons in the world's axes, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from densesynth.errors import AssetError
from densesynth.motion.qualisys import read_qualisys_markers, read_qualisys_skeleton
from densesynth.motion.read import read_clip, read_markers
from densesynth.motion.retarget import retarget

HEADER = "NO_OF_FRAMES\t{frames}\nNO_OF_CAMERAS\t24\nFREQUENCY\t{rate}\nTIME_STAMP\t2021-05-01, 10:00:00\n"


def marker_text(rows: list[str], frames: int | None = None, columns: str = "") -> str:
    header = HEADER.format(frames=len(rows) if frames is None else frames, rate=300)
    return header + "DATA_INCLUDED\t3D\nMARKER_NAMES\tHeadL\tHeadR\n" + columns + "\n".join(rows) + "\n"


def test_markers_and_all_ways_to_write_a_gap(tmp_path):
    path = tmp_path / "walk.tsv"
    path.write_text(
        marker_text(
            ["100.0\t200\t1700\t-100\t200\t1700", "100\t200\t1700\t\t\t", "0.000\t0.000\t0.000\t-100\t200\t1700",
             "100\t200\t1700\tNULL\tNULL\tNULL"]
        )
    )  # fmt: skip
    clip = read_markers(path)
    assert clip.labels == ("HeadL", "HeadR")
    assert clip.frame_rate == 300.0
    assert np.allclose(clip.positions[0], [[0.1, 0.2, 1.7], [-0.1, 0.2, 1.7]])
    assert np.array_equal(np.isnan(clip.positions).all(axis=2), [[0, 0], [0, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize("columns", ["", "Frame\tTime\tHeadL X\tHeadL Y\tHeadL Z\tHeadR X\tHeadR Y\tHeadR Z\n"])
def test_frame_and_time_before_the_markers(tmp_path, columns):
    path = tmp_path / "walk.tsv"
    path.write_text(marker_text(["1\t0.0\t1\t2\t3\t4\t5\t6", "2\t0.003\t1\t2\t3\t4\t5\t6"], columns=columns))
    assert np.allclose(read_qualisys_markers(path).positions[1], [[0.001, 0.002, 0.003], [0.004, 0.005, 0.006]])


@pytest.mark.parametrize("lead", ["", "1\t0.0\t", "7\t"])
@pytest.mark.parametrize("end", ["", "\t"])
@pytest.mark.parametrize("named", [False, True])
def test_a_last_marker_that_is_missing_shifts_nothing(tmp_path, lead, end, named):
    """Frame, time and a tab at the end may be there or not, with a line of names or without."""
    columns = "Frame\tTime\t"[: {"": 0, "1\t0.0\t": 11, "7\t": 6}[lead]] + "HeadL X\tHeadL Y\tHeadL Z\t"
    columns = columns + "HeadR X\tHeadR Y\tHeadR Z" + end + "\n"
    rows = [f"{lead}10\t20\t30\t\t\t{end}", f"{lead}10\t20\t30\t40\t50\t60{end}"]
    if named and not lead:
        columns = "Frame\tTime\t" + columns
        rows = [f"1\t0\t{row}" for row in rows]
    path = tmp_path / "walk.tsv"
    path.write_text(marker_text(rows, columns=columns if named else ""))
    positions = read_qualisys_markers(path).positions
    assert np.allclose(positions[:, 0], [0.01, 0.02, 0.03])
    assert np.isnan(positions[0, 1]).all()
    assert np.allclose(positions[1, 1], [0.04, 0.05, 0.06])


def test_newer_headers_and_stray_tabs(tmp_path):
    """Lines of newer versions of Qualisys Track Manager, values after more than one tab, events."""
    text = marker_text(["1\t2\t3\t4\t5\t6\t", "1\t2\t3\t4\t5\t6\t"])
    text = text.replace("FREQUENCY\t300", "FREQUENCY\t\t300\t").replace("NO_OF_FRAMES\t", "NO_OF_FRAMES\t\t")
    text = text.replace("DATA_INCLUDED\t3D", "NO_OF_MARKERS\t2\nNO_OF_ANALOG\t0\nANALOG_FREQUENCY\t0\n"
                        "DESCRIPTION\t--\nEVENT\tStart\t1\t0.0\nDATA_INCLUDED\t3D\t")  # fmt: skip
    text = text.replace("HeadR\n", "HeadR\t\nTRAJECTORY_TYPES\tMeasured\tMixed\n")
    path = tmp_path / "walk.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    clip = read_qualisys_markers(path)
    assert clip.labels == ("HeadL", "HeadR")
    assert clip.frame_rate == 300.0
    assert np.allclose(clip.positions, [[[0.001, 0.002, 0.003], [0.004, 0.005, 0.006]]] * 2)


def test_six_degrees_of_freedom_are_told_apart(tmp_path):
    text = HEADER.format(frames=1, rate=100) + "DATA_INCLUDED\t6D\nBODY_NAMES\tWand\nWand\tX\tY\tZ\tRoll\tPitch\tYaw\t"
    (tmp_path / "wand.tsv").write_text(text + "Residual\n1\t2\t3\t0\t0\t0\t0.1\n")
    with pytest.raises(AssetError, match="found 6D; export 3D data"):
        read_markers(tmp_path / "wand.tsv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (marker_text(["1\t2\t3\t4\t5\t6"], frames=5), "expected 5 rows"),
        (marker_text(["1\t2\t3\t4\t5\t6", "1\t2\t3"]), r"bad\.tsv:8: expected 6 numbers, found 3"),
        (marker_text(["1\t2\t3\t4\t5\t6", "1\t2\tx\t4\t5\t6"]), "found “x”"),
        (marker_text(["1\t2\t3\t4\t5\t6"]).replace("\t3D", "\t6D"), "6D"),
        (marker_text(["1\t2\t3\t4\t5\t6"]).replace("HeadR", "HeadL"), "HeadL twice"),
        (marker_text(["1\t2\t3\t4\t5\t6"]).replace("300", "fast"), "FREQUENCY above 0"),
        (marker_text([]), "rows of data"),
        ("a\tb\n1\t2\n", "FREQUENCY line"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, text, message):
    path = tmp_path / "bad.tsv"
    path.write_text(text)
    with pytest.raises(AssetError, match=message):
        read_qualisys_markers(path)


BONES = {  # place from the parent in the T-pose, metres; faces −y
    "Hips": ("", (0.0, 0.0, 0.0)), "Spine": ("Hips", (0, 0, 0.1)), "Spine1": ("Spine", (0, 0, 0.12)),
    "Spine2": ("Spine1", (0, 0, 0.13)), "Neck": ("Spine2", (0, 0, 0.15)), "Head": ("Neck", (0, 0, 0.1)),
}  # fmt: skip
for _side, _sign in (("Left", 1.0), ("Right", -1.0)):
    BONES |= {
        f"{_side}Shoulder": ("Spine2", (0.03 * _sign, 0, 0.1)),
        f"{_side}Arm": (f"{_side}Shoulder", (0.15 * _sign, 0, 0)),
        f"{_side}ForeArm": (f"{_side}Arm", (0.27 * _sign, 0, 0)),
        f"{_side}ForeArmRoll": (f"{_side}ForeArm", (0.12 * _sign, 0, 0)),
        f"{_side}Hand": (f"{_side}ForeArmRoll", (0.12 * _sign, 0, 0)),
        f"{_side}UpLeg": ("Hips", (0.1 * _sign, 0, -0.02)), f"{_side}Leg": (f"{_side}UpLeg", (0, 0, -0.42)),
        f"{_side}Foot": (f"{_side}Leg", (0, 0, -0.41)), f"{_side}ToeBase": (f"{_side}Foot", (0, -0.14, -0.05)),
    }  # fmt: skip


def skeleton_text(frames: int, gap: int | None = None, drop_name_column: bool = False) -> tuple[str, np.ndarray]:
    """A skeleton that bends an elbow and walks to the left; its places, (frames, segments, 3), metres."""
    rows, all_places = [], []
    for frame in range(frames):
        turns: dict[str, Rotation] = {}
        places: dict[str, np.ndarray] = {}
        for name, (parent, offset) in BONES.items():
            bend = Rotation.from_euler("z", -80.0 * frame / frames if name == "LeftForeArm" else 0.0, degrees=True)
            turns[name] = (turns[parent] if parent else Rotation.identity()) * bend
            start = places[parent] if parent else np.array([0.001 * frame, 0.0, 0.93])
            places[name] = start + (turns[parent].apply(offset) if parent else 0.0)
        cells = [str(frame + 1), f"{frame / 100:.5f}"]
        for name in BONES:
            values = [*(1000.0 * places[name]), *turns[name].as_quat()]
            cells += ([] if drop_name_column else [""]) + ["" if gap == frame else f"{v:.8f}" for v in values]
        rows.append("\t".join(cells))
        all_places.append(np.stack(list(places.values())))
    columns = "Frame\tTime\t" + "\t".join(f"{name}\tX\tY\tZ\tQX\tQY\tQZ\tQW" for name in BONES)
    header = HEADER.format(frames=frames, rate=100) + "REFERENCE\tGLOBAL\nSCALE\t1.00000\nSOLVER\tFull body\n"
    return header + columns + "\n" + "\n".join(rows) + "\n", np.stack(all_places)


@pytest.mark.parametrize("drop_name_column", [False, True])
def test_a_skeleton_keeps_its_places_and_retargets(tmp_path, drop_name_column):
    path = tmp_path / "s.tsv"
    text, places = skeleton_text(20, drop_name_column=drop_name_column)
    path.write_text(text)
    clip = read_clip(path)
    _, found = clip.world()
    for name in BONES:
        assert np.allclose(found[:, clip.joints.index(name)], places[:, list(BONES).index(name)], atol=1e-6)
    assert clip.frame_rate == 100.0
    done = retarget(clip)
    assert np.nanmax(done.errors) < 0.1
    assert done.contacts.all()


def test_unsolved_frames_repeat_the_last_solved(tmp_path):
    path = tmp_path / "s.tsv"
    path.write_text(skeleton_text(20, gap=7)[0])
    clip = read_qualisys_skeleton(path)
    assert np.allclose(clip.rotations[7], clip.rotations[6])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("GLOBAL", "LOCAL", "REFERENCE GLOBAL"),
        ("LeftLeg\tX", "LeftFin\tX", "segment LeftF|LeftFin"),
        ("RightArm\tX", "LeftArm\tX", "LeftArm twice"),
        ("Hips\tX", "Pelvis\tX", "Pelvis"),
    ],
)
def test_skeletons_that_cannot_be_read(tmp_path, old, new, message):
    path = tmp_path / "s.tsv"
    path.write_text(skeleton_text(3)[0].replace(old, new))
    with pytest.raises(AssetError, match=message):
        read_qualisys_skeleton(path)
