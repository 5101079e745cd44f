"""Optical markers → body: one shape for the clip, a pose for each frame, by descent through a differentiable body.

    1. A few frames that differ most are laid over the T-pose by the markers of the trunk (rigid, least squares).
    2. Shape (from several first guesses) and those frames' poses are found together; then also where each marker
       really sits on the skin.
    3. Every frame starts from the chosen frame it resembles, and is solved with shape and marker places held.

Errors in a marker's position count as squares up to a point and little more beyond it (Geman and McClure 1985), so that
swapped or stray markers don't bend the body. Markers are taken to sit at a distance from the skin, and not quite where
they should, as in MoSh (Loper, Mahmood and Black 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from densesynth.arrays import Array, Bool, Float32, Float64, Int64
from densesynth.body.differentiable import DifferentiableBody
from densesynth.errors import AssetError
from densesynth.fitting.parts import FitParts
from densesynth.fitting.problem import (
    OWN,
    Near,
    Poses,
    Problem,
    Start,
    State,
    Subject,
    dress,
    pack_poses,
    unbound,
    unpack_poses,
)  # fmt: skip
from densesynth.fitting.settings import FitSettings
from densesynth.geometry.least_squares import LEAST_DIAGONAL, STEP, Linearised, minimise, solve_arrow, solve_row
from densesynth.geometry.rotations import matrix_from_vector, vector_from_matrix
from densesynth.geometry.skeleton import JOINT
from densesynth.motion.clip import MarkerClip
from densesynth.motion.marker_frames import LEAST_COMMON, choose_frames, lay_over
from densesynth.motion.markers import MarkerSet, choose_marker_set, match_labels
from densesynth.motion.pose_prior import BODY_JOINTS

Progress = Callable[[int, int], None]

FAR: Near = (0.04, 1.0)  # noise and stray, metres, while limbs still swing to their markers
MIDDLE: Near = (0.02, 0.3)  # while the body grows, and for a first answer in every frame
ASTRAY = 4.0  # times the median frame's cost: a frame that fell into the wrong valley
# Poses that limbs may start from, degrees, left side: the T-pose, arms down, arms forward with elbows and knees bent.
_STARTS: tuple[dict[str, tuple[float, float, float]], ...] = (
    {},
    {"shoulder": (0, 70, 0), "elbow": (0, 0, -15)},
    {"shoulder": (0, 50, -50), "elbow": (0, 0, -80), "hip": (-70, 0, 0), "knee": (70, 0, 0)},
)


@dataclass(frozen=True)
class FittedClip:
    """What came of a clip: the body's shape, and a pose for each of its frames (same order, same rate).

    rotations: of the 52 joints (fingers at ease). markers: names in the marker set; columns: theirs in the clip.
    vertices: the mesh's vertex each marker is nearest to. displacements: from there, in the skin's frame (along,
    along, outward), metres. predicted: where the body carries the markers. seen: frames with markers enough to fix the
    body; in others smoothness alone speaks.
    """

    name: str
    frame_rate: float
    betas: Float32[Array, "s"]
    rotations: Float32[Array, "t 52 3"]
    transl: Float32[Array, "t 3"]
    markers: tuple[str, ...]
    columns: Int64[Array, "m"]
    vertices: Int64[Array, "m"]
    displacements: Float64[Array, "m 3"]
    predicted: Float64[Array, "t m 3"]
    seen: Bool[Array, "t"]

    def errors(self, clip: MarkerClip) -> Float64[Array, "t m"]:
        """From each observed marker to where the body carries it, metres; NaN in gaps."""
        return np.linalg.norm(clip.positions[:, self.columns] - self.predicted, axis=-1)


def fit_markers(
    clip: MarkerClip,
    body: DifferentiableBody,
    marker_set: MarkerSet | None = None,
    settings: FitSettings | None = None,
    progress: Progress | None = None,
    parts: FitParts | None = None,
) -> FittedClip:
    """Fit a body to a clip's markers. marker_set: by default the built-in one that knows most of the labels.

    progress: told (frames done, frames in all), the frames that shape is found from included. parts: of this very fit
    (`parts.open_parts`): those that are done are taken as they are, the others are kept there. The same input gives
    the same result, with parts or without. Raises AssetError when fewer than `markers.LEAST_MARKERS` of the clip's
    markers are known, or when no frame has enough of them.
    """
    settings = settings or FitSettings()
    marker_set = marker_set or choose_marker_set(clip.labels, clip.name)
    matched = match_labels(clip.labels, marker_set, clip.name)
    observed = clip.positions[:, matched.columns]
    seen_count = np.isfinite(observed).all(axis=-1).sum(axis=1)
    usable = seen_count >= max(LEAST_COMMON, len(matched.names) // 2)
    if not usable.any():
        raise AssetError(
            f"{clip.name}: expected frames with at least half of the {len(matched.names)} known markers, found at most "
            f"{int(seen_count.max(initial=0))} in any of {len(observed)} frames; fill the gaps, or cut the clip"
        )
    subject = dress(body, marker_set, matched.names, settings.distance, settings.distance_spread)
    chosen = choose_frames(observed, usable, settings.keyframes)
    total = len(chosen) + len(observed)
    if progress is not None:
        progress(0, total)
    keys = _recall_keys(parts)
    if keys is None:
        keys = _find_shape(subject, observed[chosen], _start_upright(subject, observed[chosen]), settings)
        _keep_keys(parts, keys)
    if progress is not None:
        progress(len(chosen), total)
    poses: list[Poses] = []
    for first in range(0, len(observed), settings.chunk):
        part, before = observed[first : first + settings.chunk], poses[-1] if poses else None
        found = _recall_poses(parts, first)
        if found is None:
            start = _start_from_keys(part, keys, before)
            found = _find_poses(subject, part, start, keys, before, clip.frame_rate, settings)
            _keep_poses(parts, first, found)
        poses.append(found)
        if progress is not None:
            progress(len(chosen) + first + len(part), total)
    return FittedClip(
        name=clip.name,
        frame_rate=clip.frame_rate,
        betas=keys.betas.numpy().astype(np.float32),
        rotations=np.concatenate([part.rotations.numpy() for part in poses]).astype(np.float32),
        transl=np.concatenate([part.transl.numpy() for part in poses]).astype(np.float32),
        markers=matched.names,
        columns=matched.columns,
        vertices=subject.vertices,
        displacements=keys.displacements.numpy(),
        predicted=np.concatenate([part.predicted.numpy() for part in poses]),
        seen=seen_count >= LEAST_COMMON,
    )


@dataclass(frozen=True, eq=False)
class _Keys:
    """The chosen frames, solved, and what holds for the whole clip."""

    betas: Float[Tensor, "s"]
    displacements: Float[Tensor, "m 3"]
    shared: Float[Tensor, "n"]
    poses: Poses


def _recall_keys(parts: FitParts | None) -> _Keys | None:
    kept = None if parts is None else parts.recall("keys")
    if kept is None:
        return None
    betas, displacements, shared = (torch.as_tensor(kept[name]) for name in ("betas", "displacements", "shared"))
    return _Keys(betas, displacements, shared, unpack_poses(kept))


def _keep_keys(parts: FitParts | None, keys: _Keys) -> None:
    if parts is not None:
        shared = {name: getattr(keys, name).numpy() for name in ("betas", "displacements", "shared")}
        parts.keep("keys", shared | pack_poses(keys.poses))


def _recall_poses(parts: FitParts | None, first: int) -> Poses | None:
    kept = None if parts is None else parts.recall(f"from{first}")
    return None if kept is None else unpack_poses(kept)


def _keep_poses(parts: FitParts | None, first: int, poses: Poses) -> None:
    if parts is not None:
        parts.keep(f"from{first}", pack_poses(poses))


def _start_upright(subject: Subject, observed: Float64[Array, "k m 3"]) -> Start:
    """The T-pose laid over each frame by the trunk's markers, or by all where the trunk has too few."""
    at_rest = np.broadcast_to(subject.at_rest, observed.shape)
    trunk = np.where(subject.trunk[:, None], observed, np.nan)
    rotation, moved, distance = lay_over(at_rest, trunk)
    lost = ~np.isfinite(distance)
    rotation[lost], moved[lost], _ = lay_over(at_rest[lost], observed[lost])
    rotations = np.zeros((len(observed), BODY_JOINTS, 3))
    rotations[:, 0] = vector_from_matrix(rotation)
    return Start(rotations, moved)  # the pelvis is the origin of the T-pose


def _start_from_keys(observed: Float64[Array, "t m 3"], keys: _Keys, before: Poses | None) -> Start:
    """For each frame the chosen frame that lies nearest over it; where nothing can be said, the frame before."""
    candidates = keys.poses.predicted.numpy()
    laid = [lay_over(np.broadcast_to(one, observed.shape), observed) for one in candidates]
    distance = np.stack([one[2] for one in laid])
    best = distance.argmin(axis=0)
    frames = np.arange(len(observed))
    rotation = np.stack([one[0] for one in laid])[best, frames]
    moved = np.stack([one[1] for one in laid])[best, frames]
    pelvis = matrix_from_vector(keys.poses.rotations[:, 0].numpy())[best]
    rotations = keys.poses.rotations[:, :BODY_JOINTS].numpy()[best]
    rotations[:, 0] = vector_from_matrix(rotation @ pelvis)
    transl = (rotation @ keys.poses.transl.numpy()[best][..., None])[..., 0] + moved
    known = np.isfinite(distance.min(axis=0))
    if not known.any():
        last = before or keys.poses
        rotations[:] = last.rotations[-1, :BODY_JOINTS].numpy()
        transl[:] = last.transl[-1].numpy()
        return Start(rotations, transl)
    latest = np.maximum.accumulate(np.where(known, frames, -1))
    source = np.where(latest >= 0, latest, np.argmax(known))
    return Start(rotations[source], transl[source])


def _find_shape(subject: Subject, observed: Float64[Array, "k m 3"], start: Start, settings: FitSettings) -> _Keys:
    """Shape, marker places and the chosen frames' poses: roughly first, with the markers where they should be."""
    betas_count, markers = subject.body.betas_count, len(subject.freedom)
    nothing = torch.zeros(betas_count + 3 * markers, dtype=torch.float64)
    problem = Problem(subject, observed, start, nothing, independent=1.0 / len(observed))
    own = _choose_starts(problem, nothing, settings)
    # Betas one by one; of the displacements the first of all markers at once, then the second, then the third.
    seeds = torch.zeros(betas_count + 3, len(nothing), dtype=torch.float64)
    seeds[:betas_count, :betas_count] = torch.eye(betas_count)
    seeds[betas_count:, betas_count:] = torch.eye(3).repeat(1, markers)
    own_marker = torch.eye(markers, dtype=torch.float64).repeat_interleave(3, dim=0).repeat_interleave(3, dim=1)

    def total(now: State, near: Near) -> float:
        frames = problem.cost(problem.measure(now.own, now.shared), near)
        return float(frames.sum() + problem.surprise(now.shared)[0].square().sum())

    def solve(state: State, near: Near, free: Float[Tensor, "s"]) -> State:
        def linearise(now: State) -> Linearised[State]:
            normal = problem.normal(now, near)
            along = [
                problem.measure(now.own, now.shared + STEP * seed) - normal.measured
                if (seed * free).any()
                else torch.zeros_like(normal.measured)
                for seed in seeds
            ]
            slopes = torch.stack(along, dim=2)[:, : 3 * markers] / STEP
            moved = slopes[:, :, betas_count:].repeat(1, 1, markers) * own_marker
            by_shared = torch.cat([slopes[:, :, :betas_count], moved], dim=2) * free
            mixed = normal.weighted @ by_shared
            heavy = by_shared.mT * normal.weight[:, None]
            surprise, slope = problem.surprise(now.shared)
            # What is not free stands still: a row of its own, with nothing on the right side.
            shared = (heavy @ by_shared).sum(dim=0) + torch.diag(torch.where(free > 0.0, slope**2, 1.0))
            shared_side = -(heavy @ normal.error[..., None])[..., 0].sum(dim=0) - free * slope * surprise

            def step(damping: float) -> State | None:
                own, common = _damp(normal.matrix, damping), _damp(shared, damping)
                solved = solve_arrow(own, mixed, common, normal.side, shared_side)
                return None if solved is None else State(now.own + solved[0], now.shared + solved[1])

            return Linearised(float(normal.cost.sum() + surprise.square().sum()), step)

        return minimise(state, linearise, lambda now: total(now, near), settings.iterations)

    betas_alone = (torch.arange(len(nothing)) < betas_count).double()
    grown: list[tuple[float, State]] = []
    for betas in subject.prior.starts:
        shared = torch.cat([unbound(torch.as_tensor(betas), subject.prior), nothing[betas_count:]])
        found = solve(State(own, shared), MIDDLE, betas_alone)
        grown.append((total(found, MIDDLE), found))
    _, best = min(grown, key=lambda one: one[0])
    state = solve(best, (settings.noise, settings.stray), torch.ones_like(nothing))
    betas, displacements = problem.shape(state.shared)
    return _Keys(betas, displacements, state.shared, problem.poses(state))


def _choose_starts(problem: Problem, shared: Tensor, settings: FitSettings) -> Float[Tensor, "t 69"]:
    """Each frame roughly solved from each of `_STARTS`; the best of them."""
    tried = []
    for pose in _STARTS:
        own = problem.start.own.clone()
        for joint, degrees in pose.items():
            for side, mirrored in (("left", (1, 1, 1)), ("right", (1, -1, -1))):
                first = 3 * JOINT[f"{side}_{joint}"]
                own[:, first : first + 3] = torch.as_tensor(np.radians(degrees) * mirrored)
        tried.append(problem.settle(own, shared, FAR, settings.iterations))
    costs = torch.stack([cost for _, cost in tried])
    return torch.stack([own for own, _ in tried])[costs.argmin(dim=0), torch.arange(costs.shape[1])]


def _find_poses(
    subject: Subject,
    observed: Float64[Array, "t m 3"],
    start: Start,
    keys: _Keys,
    before: Poses | None,
    frame_rate: float,
    settings: FitSettings,
) -> Poses:
    """Poses of frames in a row: roughly each on its own, then smooth, also with the two frames before."""
    problem = Problem(subject, observed, start, keys.shared)
    roughly, costs = problem.settle(problem.start.own, keys.shared, MIDDLE, settings.iterations)
    roughly = _bring_back(problem, roughly, costs, settings)
    joint_step = settings.acceleration / frame_rate**2
    angle_step = settings.angular_acceleration / frame_rate**2
    nothing = torch.zeros(0, BODY_JOINTS, 3, dtype=torch.float64)
    past_joints = nothing if before is None else before.joints[-2:, :BODY_JOINTS]
    past_angles = nothing if before is None else before.rotations[-2:, :BODY_JOINTS]
    frames, known = len(observed), len(past_joints)
    bend = _second_differences(frames + known)
    coupling = bend[:, known:].T @ bend[:, known:]
    near = (settings.noise, settings.stray)
    angles = torch.zeros(OWN, dtype=torch.float64)
    angles[3:-3] = angle_step**-2

    def bends(measured: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        joints = torch.cat([past_joints.flatten(1), problem.split(measured)[1]]) / joint_step
        joint_angles = torch.cat([past_angles[:, 1:].flatten(1), own[:, 3:-3]]) / angle_step
        return bend @ joints, bend @ joint_angles

    def cost(now: State) -> float:
        measured = problem.measure(now.own, now.shared)
        smooth = sum(bent.square().sum() for bent in bends(measured, now.own))
        return float(problem.cost(measured, near).sum() + smooth)

    def linearise(now: State) -> Linearised[State]:
        normal = problem.normal(now, near)
        joint_bends, angle_bends = bends(normal.measured, now.own)
        by_pose = normal.joints_by_pose / joint_step
        side = normal.side - (by_pose.mT @ (bend[:, known:].T @ joint_bends)[..., None])[..., 0]
        side[:, 3:-3] -= bend[:, known:].T @ angle_bends / angle_step

        def coupled(away: int) -> Float[Tensor, "u p p"]:
            factor = coupling.diagonal(-away)[:, None, None]
            return factor * (by_pose[away:].mT @ by_pose[: frames - away] + torch.diag(angles))

        own = normal.matrix + coupled(0)
        nexts = [coupled(away) if frames > away else own[:0] for away in (1, 2)]

        def step(damping: float) -> State | None:
            solved = solve_row(_damp(own, damping), nexts[0], nexts[1], side)
            return None if solved is None else State(now.own + solved, now.shared)

        smooth = joint_bends.square().sum() + angle_bends.square().sum()
        return Linearised(float(normal.cost.sum() + smooth), step)

    return problem.poses(minimise(State(roughly, keys.shared), linearise, cost, settings.iterations))


def _damp(matrix: Float[Tensor, "*n p p"], damping: float) -> Float[Tensor, "*n p p"]:
    diagonal = matrix.diagonal(dim1=-2, dim2=-1)
    return matrix + torch.diag_embed(damping * diagonal + LEAST_DIAGONAL)


def _second_differences(count: int) -> Float[Tensor, "u t"]:
    """The matrix that takes a row of values to x[k] − 2 x[k + 1] + x[k + 2]."""
    rows = max(count - 2, 0)
    matrix = torch.zeros(rows, count, dtype=torch.float64)
    for away, factor in enumerate((1.0, -2.0, 1.0)):
        matrix[torch.arange(rows), torch.arange(rows) + away] = factor
    return matrix


def _bring_back(
    problem: Problem, own: Float[Tensor, "t 69"], costs: Float[Tensor, "t"], settings: FitSettings
) -> Float[Tensor, "t 69"]:
    """Frames that went astray, solved again from the nearest good frame before and after; the best of all."""
    good = costs <= ASTRAY * costs.median()
    for _ in range(2):
        if good.all():
            break
        frames = np.arange(len(own))
        kept = frames[good.numpy()]
        place = np.searchsorted(kept, frames)
        for source in (kept[np.maximum(place - 1, 0)], kept[np.minimum(place, len(kept) - 1)]):
            # Only joints are taken over: where the pelvis is, the frame's own markers said well enough.
            joints = own.clone()
            joints[:, 3:-3] = torch.where(good[:, None], own, own[source])[:, 3:-3]
            again, found = problem.settle(joints, problem.start.shared, MIDDLE, settings.iterations)
            better = found < costs
            own, costs = torch.where(better[:, None], again, own), torch.where(better, found, costs)
        good = costs <= ASTRAY * costs.median()
    return own
