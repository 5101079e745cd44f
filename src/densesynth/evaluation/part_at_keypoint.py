"""Part at keypoint: on photographs without dense labels, is a right part within a few pixels of each visible 2D joint?

A joint's right parts are those that meet or lie at it, on the person's own side. A joint counts as swapped when no
right part is near but the other side's is, as covered when any part is. Shares are of all visible joints, so that a
model can't gain by labelling less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from densesynth.arrays import Array, Bool, Float32, UInt8
from densesynth.data.results import Detection, place_of
from densesynth.errors import AssetError
from densesynth.surface.parts import FINE_MIRROR

RADIUS = 5.0  # pixels
LEAST_OVERLAP = 0.3  # IoU of an annotated person's box and the detection taken for them
GROWN = 0.15  # a box around joints is grown by this share of its sides, since joints lie inside the body
VISIBLE = 2  # COCO's code

_TORSO, _HEAD = frozenset({1, 2}), frozenset({23, 24})
_RIGHT: dict[str, frozenset[int]] = {
    "shoulder": frozenset({16, 18}) | _TORSO,
    "elbow": frozenset({16, 18, 20, 22}),
    "wrist": frozenset({20, 22, 3}),
    "hip": frozenset({7, 9}) | _TORSO,
    "knee": frozenset({7, 9, 11, 13}),
    "ankle": frozenset({11, 13, 6}),
    "ear": frozenset({23}),
    "eye": _HEAD,
}
_MIDDLE: dict[str, frozenset[int]] = {
    "nose": _HEAD,
    "head top": _HEAD,
    "neck": _HEAD | _TORSO,
    "thorax": _TORSO | _HEAD,
    "pelvis": _TORSO | frozenset({7, 8, 9, 10}),
}
MPII_JOINTS = (
    "right ankle", "right knee", "right hip", "left hip", "left knee", "left ankle", "pelvis", "thorax", "neck",
    "head top", "right wrist", "right elbow", "right shoulder", "left shoulder", "left elbow", "left wrist",
)  # fmt: skip


class Outcome(Enum):
    """What lies within the disc around a joint, the best first."""

    RIGHT = "right"
    SWAPPED = "swapped"
    WRONG = "wrong"
    UNCOVERED = "uncovered"


@dataclass(frozen=True, kw_only=True, eq=False)
class JointedPerson:
    """One annotated person. joints: x, y in pixels by name, only the visible ones. bbox: x, y, w, h."""

    joints: Mapping[str, tuple[float, float]]
    bbox: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class JointScore:
    """Counts of the outcomes of one joint, or of all."""

    right: int = 0
    swapped: int = 0
    wrong: int = 0
    uncovered: int = 0

    @property
    def total(self) -> int:
        return self.right + self.swapped + self.wrong + self.uncovered

    def share(self, count: int) -> float:
        """A count as a share of the visible joints; NaN without any."""
        return count / self.total if self.total else float("nan")


def right_parts(joint: str) -> frozenset[int]:
    """Fine parts that a joint may lie on. Raises KeyError for a joint that isn't known."""
    side, _, name = joint.partition(" ")
    if joint in _MIDDLE:
        return _MIDDLE[joint]
    if side == "left":
        return frozenset(int(FINE_MIRROR[part]) for part in _RIGHT[name])
    if side == "right":
        return _RIGHT[name]
    raise KeyError(joint)


def judge_joint(part: UInt8[Array, "h w"], x: float, y: float, joint: str, radius: float = RADIUS) -> Outcome:
    """The outcome at one joint of a part map; x, y: continuous pixel coordinates of that map."""
    near = part[_disc(part.shape, x, y, radius)]
    present = set(np.unique(near[near > 0]).tolist())
    right = right_parts(joint)
    if present & right:
        return Outcome.RIGHT
    if present & ({int(FINE_MIRROR[p]) for p in right} - right):
        return Outcome.SWAPPED
    return Outcome.WRONG if present else Outcome.UNCOVERED


def match_people(people: Sequence[JointedPerson], detections: Sequence[Detection]) -> list[Detection | None]:
    """The detection of each annotated person: pairs by falling overlap of boxes, each used once; None where missed."""
    overlaps = np.array([[_overlap(p.bbox, d.bbox) for d in detections] for p in people]).reshape(
        len(people), len(detections)
    )
    found: list[Detection | None] = [None] * len(people)
    while overlaps.size and overlaps.max() >= LEAST_OVERLAP:
        person, detection = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        found[int(person)] = detections[int(detection)]
        overlaps[person], overlaps[:, detection] = -1.0, -1.0
    return found


def judge_picture(
    people: Sequence[JointedPerson], detections: Sequence[Detection], radius: float = RADIUS
) -> list[tuple[str, Outcome]]:
    """(joint, outcome) of every visible joint in a picture; all of a person who was missed are uncovered."""
    outcomes = []
    for person, found in zip(people, match_people(people, detections), strict=True):
        for joint, (x, y) in person.joints.items():
            if found is None:
                outcomes.append((joint, Outcome.UNCOVERED))
                continue
            left, top, _, _ = place_of(found.bbox)
            outcomes.append((joint, judge_joint(found.iuv[0], x - left, y - top, joint, radius)))
    return outcomes


def count_outcomes(outcomes: Sequence[tuple[str, Outcome]]) -> dict[str, JointScore]:
    """Score of each joint, by name, `all` last."""
    names = sorted({joint for joint, _ in outcomes})
    counts = {
        name: {kind.value: sum(o is kind for joint, o in outcomes if name in (joint, "all")) for kind in Outcome}
        for name in (*names, "all")
    }
    return {name: JointScore(**count) for name, count in counts.items()}


def format_scores(scores: Mapping[str, JointScore]) -> str:
    """A table: one line a joint, shares of the visible ones in per cent."""
    lines = [f"{'joint':16}{'visible':>8}{'right':>8}{'swapped':>9}{'wrong':>8}{'covered':>9}"]
    for name, score in scores.items():
        counts = (score.right, score.swapped, score.wrong, score.total - score.uncovered)
        shares = [100.0 * score.share(count) for count in counts]
        lines.append(f"{name:16}{score.total:8}{shares[0]:7.1f}%{shares[1]:8.1f}%{shares[2]:7.1f}%{shares[3]:8.1f}%")
    return "\n".join(lines)


def read_joints(path: Path) -> dict[str, list[JointedPerson]]:
    """Picture's file name → its people, from COCO-style keypoints (AI Challenger's too) or MPII's list.

    Visible: COCO's code 2, MPII's 1. Joints of no known name (hands, feet) are left out. Raises AssetError.
    """
    try:
        content = msgspec.json.decode(path.read_bytes())
        return _of_mpii(content) if isinstance(content, list) else _of_coco(content)
    except OSError as error:
        raise AssetError(f"{path}: can't be read ({error.strerror or error})") from None
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError, IndexError) as error:
        raise AssetError(
            f"{path}: neither COCO keypoints nor MPII's list of joints ({type(error).__name__}: {error})"
        ) from None


def _of_coco(content: Any) -> dict[str, list[JointedPerson]]:
    names = [_joint_name(name) for name in content["categories"][0]["keypoints"]]
    files = {image["id"]: str(image["file_name"]) for image in content["images"]}
    people: dict[str, list[JointedPerson]] = {name: [] for name in files.values()}
    for annotation in content["annotations"]:
        table = np.array(annotation["keypoints"], dtype=np.float64).reshape(len(names), 3)
        joints = {n: (float(x), float(y)) for n, (x, y, v) in zip(names, table, strict=True) if n and v == VISIBLE}
        x, y, w, h = (float(value) for value in annotation["bbox"])
        if joints:
            people[files[annotation["image_id"]]].append(JointedPerson(joints=joints, bbox=(x, y, w, h)))
    return people


def _of_mpii(content: list[Any]) -> dict[str, list[JointedPerson]]:
    people: dict[str, list[JointedPerson]] = {}
    for entry in content:
        table = np.array(entry["joints"], dtype=np.float64).reshape(len(MPII_JOINTS), 2)
        visible = np.array(entry["joints_vis"]).reshape(len(MPII_JOINTS)) > 0
        joints = {n: (float(x), float(y)) for n, (x, y), v in zip(MPII_JOINTS, table, visible, strict=True) if v}
        known = table[visible]
        own = people.setdefault(str(entry["image"]), [])
        if len(known):
            low, high = known.min(axis=0), known.max(axis=0)
            margin = GROWN * (high - low)
            (x, y), (w, h) = low - margin, high - low + 2 * margin
            own.append(JointedPerson(joints=joints, bbox=(float(x), float(y), float(w), float(h))))
    return people


def _joint_name(name: str) -> str:
    """A joint's name in our words; empty for one that we can't judge."""
    words = name.lower().replace("_", " ").strip()
    try:
        right_parts(words)
    except KeyError:
        return ""
    return words


def _disc(shape: tuple[int, ...], x: float, y: float, radius: float) -> Bool[Array, "h w"]:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2


def _overlap(first: tuple[float, float, float, float], second: tuple[float, float, float, float]) -> float:
    sides = [
        max(min(first[k] + first[k + 2], second[k] + second[k + 2]) - max(first[k], second[k]), 0.0) for k in (0, 1)
    ]
    common = sides[0] * sides[1]
    union = first[2] * first[3] + second[2] * second[3] - common
    return common / union if union > 0 else 0.0


def boxes_of(people: Sequence[JointedPerson], height: int, width: int) -> Float32[Array, "n 4"]:
    """The annotated people's boxes (x0, y0, x1, y1) cut to the picture, to label in place of detecting."""
    boxes = [(x, y, x + w, y + h) for x, y, w, h in (person.bbox for person in people)]
    limits = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(np.array(boxes, dtype=np.float32).reshape(-1, 4), 0.0, limits)
