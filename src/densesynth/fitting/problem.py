"""A body that wears markers, and how far it is from the markers seen: what `fit` makes small.

The numbers a row of frames is solved for are, frame by frame, its own (the pelvis's turn from where it started, the
other joints' rotation vectors, translation), and those all frames share (shape, and where each marker really sits).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from densesynth.arrays import Array, Bool, Float64, Int64
from densesynth.body.differentiable import DifferentiableBody, ShapePrior
from densesynth.body.skin_markers import SkinMarkers, attach
from densesynth.geometry.least_squares import STEP, Colouring, colour, derivatives, jacobian, minimise_each
from densesynth.geometry.rotations import quaternion_from_vector
from densesynth.geometry.skeleton import JOINT
from densesynth.geometry.torch_rotations import multiply_quaternions, vector_from_quaternion
from densesynth.geometry.torch_rotations import quaternion_from_vector as quaternion
from densesynth.motion.figure import Figure
from densesynth.motion.hands import relaxed
from densesynth.motion.markers import MarkerSet, place_markers
from densesynth.motion.pose_prior import BODY_JOINTS, pose_residuals
from densesynth.motion.variation import Variation

OWN = 3 * BODY_JOINTS + 3  # numbers of a frame's own
JOINT_NUMBERS = 3 * BODY_JOINTS
Near = tuple[float, float]  # a marker's noise, and the error from which it counts as stray; metres
_TRUNK = ("pelvis", "left_hip", "right_hip", "spine1", "spine2", "spine3", "left_collar", "right_collar", "neck")


@dataclass(frozen=True, eq=False)
class Subject:
    """The body with its markers on, and what is known beforehand."""

    body: DifferentiableBody
    markers: SkinMarkers
    vertices: Int64[Array, "m"]
    freedom: Float[Tensor, "m 3"]  # standard deviation of the displacements
    nominal: Float[Tensor, "m 3"]  # displacements of markers that sit where they should
    trunk: Bool[Array, "m"]
    at_rest: Float64[Array, "m 3"]
    hands: Float[Tensor, "30 3"]
    prior: ShapePrior

    @functools.cached_property
    def colouring(self) -> Colouring:
        """Of the derivatives by a frame's parameters."""
        return _colour(self)

    def pose(
        self, betas: Tensor, rotations: Tensor, transl: Tensor, displacements: Tensor
    ) -> tuple[Float[Tensor, "b m 3"], Float[Tensor, "b 52 3"]]:
        """Markers and joints of a batch; rotations of the 22 joints of the body."""
        whole = torch.cat([rotations, self.hands.expand(len(rotations), -1, -1)], dim=1)
        vertices, joints = self.body.forward(betas, whole, transl, self.markers.at)
        return self.markers.predict(vertices, displacements), joints


@dataclass(frozen=True, eq=False)
class Poses:
    """Frames in a row, solved. rotations of all 52 joints; predicted: the markers."""

    rotations: Float[Tensor, "t 52 3"]
    transl: Float[Tensor, "t 3"]
    joints: Float[Tensor, "t 52 3"]
    predicted: Float[Tensor, "t m 3"]


def pack_poses(poses: Poses) -> dict[str, Array]:
    """Poses as arrays; `unpack_poses` is its inverse, to the bit."""
    return {item.name: getattr(poses, item.name).numpy() for item in fields(Poses)}


def unpack_poses(arrays: Mapping[str, Array]) -> Poses:
    return Poses(**{item.name: torch.as_tensor(arrays[item.name]) for item in fields(Poses)})


@dataclass(frozen=True)
class Start:
    """Where descent begins: rotations of the body's 22 joints, the pelvis's among them; transl."""

    rotations: Float64[Array, "t 22 3"]
    transl: Float64[Array, "t 3"]


def dress(
    body: DifferentiableBody, marker_set: MarkerSet, names: tuple[str, ...], distance: float, spread: float
) -> Subject:
    """Put markers on a body: `distance` ± `spread` (metres) from skin to a marker's centre.

    Raises AssetError for a marker whose place this body doesn't have.
    """
    prior = body.shape_prior
    typical = torch.as_tensor(prior.typical[None])
    vertices, joints = (
        part[0].numpy() for part in body.forward(typical, torch.zeros(1, 52, 3).double(), torch.zeros(1, 3).double())
    )
    places = place_markers(marker_set, names, vertices, joints, body.faces)
    nearest = np.linalg.norm(vertices[places][:, None] - joints[None, :BODY_JOINTS], axis=-1).argmin(axis=1)
    freedom = np.array([[marker_set.markers[name].freedom] * 2 + [spread] for name in names])
    nominal = np.zeros((len(names), 3))
    nominal[:, 2] = distance
    hands = Figure()
    for side in ("left", "right"):
        relaxed(hands, side, Variation())
    return Subject(
        body=body,
        markers=attach(places, body.faces, vertices),
        vertices=places,
        freedom=torch.as_tensor(freedom),
        nominal=torch.as_tensor(nominal),
        trunk=np.isin(nearest, [JOINT[joint] for joint in _TRUNK]),
        at_rest=vertices[places],
        hands=torch.as_tensor(hands.rotations[BODY_JOINTS:]),
        prior=prior,
    )


@dataclass(frozen=True, eq=False)
class State:
    """What descent changes.

    own: each frame's turn of the pelvis from where it started (radians), the other joints' rotations, and the shift
    from where it started (decimetres). shared: betas as `_bound` takes them, displacements in units of their freedom.
    """

    own: Float[Tensor, "t 69"]
    shared: Float[Tensor, "s"]


@dataclass(frozen=True, eq=False)
class Normal:
    """The frames' normal equations (matrix · step = side), and what they were made of.

    weighted: the derivatives of the markers by the frame's own numbers, transposed, times the markers' weights.
    """

    cost: Float[Tensor, "t"]
    measured: Float[Tensor, "t o"]
    error: Float[Tensor, "t n"]
    weight: Float[Tensor, "t n"]
    weighted: Float[Tensor, "t 69 n"]
    joints_by_pose: Float[Tensor, "t 66 69"]
    matrix: Float[Tensor, "t 69 69"]
    side: Float[Tensor, "t 69"]


class Problem:
    """Markers measured on the body in a row of frames, as least squares. independent: as `pose_residuals` has it."""

    def __init__(
        self,
        subject: Subject,
        observed: Float64[Array, "t m 3"],
        start: Start,
        shared: Float[Tensor, "s"],
        independent: float = 1.0,
    ) -> None:
        self.subject, self._independent = subject, independent
        there = np.isfinite(observed).all(axis=-1)
        self.target = torch.as_tensor(np.where(there[..., None], observed, 0.0))
        self.mask = torch.as_tensor(there.astype(np.float64))
        # The pelvis turns about where it started, for its rotation may be anything, a half turn too.
        self._root = torch.as_tensor(quaternion_from_vector(start.rotations[:, 0]))
        self._transl = torch.as_tensor(start.transl)
        own = torch.zeros(len(observed), OWN, dtype=torch.float64)
        own[:, 3:-3] = torch.as_tensor(start.rotations[:, 1:]).flatten(1)
        self.start = State(own, shared)

    def read(self, own: Float[Tensor, "t 69"]) -> tuple[Float[Tensor, "t 22 3"], Float[Tensor, "t 3"]]:
        """Rotations of the body's joints, and transl (metres)."""
        rounds = len(own) // len(self._root)
        pelvis = multiply_quaternions(quaternion(own[:, :3]), self._root.repeat(rounds, 1))
        pelvis = vector_from_quaternion(pelvis)
        joints = own[:, 3:-3].unflatten(1, (BODY_JOINTS - 1, 3))
        return torch.cat([pelvis[:, None], joints], dim=1), self._transl.repeat(rounds, 1) + 0.1 * own[:, -3:]

    def shape(self, shared: Float[Tensor, "s"]) -> tuple[Float[Tensor, "b"], Float[Tensor, "m 3"]]:
        """Betas and displacements."""
        count = self.subject.body.betas_count
        betas = _bound(shared[:count], self.subject.prior)
        return betas, self.subject.nominal + shared[count:].unflatten(0, (-1, 3)) * self.subject.freedom

    def surprise(self, shared: Float[Tensor, "s"]) -> tuple[Float[Tensor, "s"], Float[Tensor, "s"]]:
        """How many standard deviations each shared number is from what it is expected to be, and that's derivative."""

        def deviations(numbers: Tensor) -> Tensor:
            prior, count = self.subject.prior, self.subject.body.betas_count
            betas = (_bound(numbers[:count], prior) - torch.as_tensor(prior.typical)) / torch.as_tensor(prior.spread)
            return torch.cat([betas, numbers[count:]])

        now = deviations(shared)
        return now, (deviations(shared + STEP) - now) / STEP

    def measure(self, own: Tensor, shared: Tensor) -> Float[Tensor, "t o"]:
        """Of each frame: markers, joints (metres, flattened), and the pose prior's residuals."""
        rotations, transl = self.read(own)
        betas, displacements = self.shape(shared)
        predicted, joints = self.subject.pose(betas[None], rotations, transl, displacements)
        prior = pose_residuals(rotations, self._independent)
        return torch.cat([predicted.flatten(1), joints[:, :BODY_JOINTS].flatten(1), prior], dim=1)

    def split(self, measured: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Markers, joints, prior: of measurements (t, o) or their derivatives (t, o, p)."""
        markers = 3 * len(self.subject.freedom)
        return (
            measured[:, :markers],
            measured[:, markers : markers + JOINT_NUMBERS],
            measured[:, markers + JOINT_NUMBERS :],
        )

    def misfit(self, markers: Tensor, near: Near) -> tuple[Tensor, Tensor, Tensor]:
        """Geman and McClure's cost of each frame; errors (t, 3 m) and the weights that make squares of them here."""
        noise, stray = near
        error = markers.unflatten(1, (-1, 3)) - self.target
        square = error.square().sum(dim=-1)
        ease = 1.0 + square / stray**2
        weight = self.mask / ease.square() / noise**2
        cost = (self.mask * square / ease).sum(dim=1) / noise**2
        return cost, error.flatten(1), weight.repeat_interleave(3, dim=1)

    def cost(self, measured: Tensor, near: Near) -> Float[Tensor, "t"]:
        """What each frame's markers and pose cost."""
        markers, _, prior = self.split(measured)
        return self.misfit(markers, near)[0] + prior.square().sum(dim=1)

    def normal(self, state: State, near: Near) -> Normal:
        """The frames' own normal equations near a state."""
        measured, slopes = jacobian(lambda own: self.measure(own, state.shared), state.own, self.subject.colouring)
        markers, _, prior = self.split(measured)
        by_pose, joints_by_pose, prior_by_pose = self.split(slopes)
        cost, error, weight = self.misfit(markers, near)
        weighted = by_pose.mT * weight[:, None]
        return Normal(
            cost=cost + prior.square().sum(dim=1),
            measured=measured,
            error=error,
            weight=weight,
            weighted=weighted,
            joints_by_pose=joints_by_pose,
            matrix=weighted @ by_pose + prior_by_pose.mT @ prior_by_pose,
            side=-(weighted @ error[..., None] + prior_by_pose.mT @ prior[..., None])[..., 0],
        )

    def settle(
        self, own: Float[Tensor, "t 69"], shared: Tensor, near: Near, iterations: int
    ) -> tuple[Float[Tensor, "t 69"], Float[Tensor, "t"]]:
        """Each frame solved on its own from `own`, what is shared held: the frames' numbers and what they cost."""

        def linearise(now: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            normal = self.normal(State(now, shared), near)
            return normal.cost, normal.matrix, normal.side

        return minimise_each(own, linearise, lambda now: self.cost(self.measure(now, shared), near), iterations)

    def poses(self, state: State) -> Poses:
        rotations, transl = self.read(state.own)
        betas, displacements = self.shape(state.shared)
        predicted, joints = self.subject.pose(betas[None], rotations, transl, displacements)
        whole = torch.cat([rotations, self.subject.hands.expand(len(rotations), -1, -1)], dim=1)
        return Poses(whole, transl, joints, predicted)


def _colour(subject: Subject) -> Colouring:
    """What each parameter of a pose touches, seen on two poses without symmetries."""
    rng = np.random.default_rng(0)
    start = Start(rng.normal(scale=0.5, size=(2, BODY_JOINTS, 3)), np.zeros((2, 3)))
    markers = len(subject.freedom)
    nothing = torch.zeros(subject.body.betas_count + 3 * markers, dtype=torch.float64)
    problem = Problem(subject, np.zeros((2, markers, 3)), start, nothing)
    _, slopes = derivatives(lambda own: problem.measure(own, nothing), problem.start.own, torch.eye(OWN).double())
    touches = (slopes.abs() > 1e-8).any(dim=1).T
    # A joint within its range has no excess here, and may have one elsewhere: any of the joint's numbers may touch it.
    first = 3 * markers + JOINT_NUMBERS
    for joint in range(BODY_JOINTS - 1):
        rows = slice(first + 3 * joint, first + 3 * joint + 3)
        touches[rows, 3 + 3 * joint : 6 + 3 * joint] = True
    return colour(touches)


def _bound(unbounded: Float[Tensor, "s"], prior: ShapePrior) -> Float[Tensor, "s"]:
    """Betas within their range: 0 is typical, ±1 about one spread away. Where there is no range, linear."""
    limited, low, span, middle, slope = _curve(prior)
    typical, spread = torch.as_tensor(prior.typical), torch.as_tensor(prior.spread)
    return torch.where(limited, low + span * torch.sigmoid(middle + slope * unbounded), typical + spread * unbounded)


def unbound(betas: Float[Tensor, "s"], prior: ShapePrior) -> Float[Tensor, "s"]:
    """The numbers `_bound` makes these betas of; betas strictly within their range."""
    limited, low, span, middle, slope = _curve(prior)
    share = torch.where(limited, (betas - low) / span, 0.5)
    linear = (betas - torch.as_tensor(prior.typical)) / torch.as_tensor(prior.spread)
    return torch.where(limited, (torch.logit(share) - middle) / slope, linear)


def _curve(prior: ShapePrior) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Which betas have a range, its low end and span, and the middle and slope of the sigmoid across it."""
    limited = torch.as_tensor(np.isfinite(prior.low) & np.isfinite(prior.high))
    low = torch.where(limited, torch.as_tensor(prior.low), 0.0)
    span = torch.where(limited, torch.as_tensor(prior.high) - low, 1.0)
    share = torch.where(limited, (torch.as_tensor(prior.typical) - low) / span, 0.5)
    return limited, low, span, torch.logit(share), torch.as_tensor(prior.spread) / (span * share * (1.0 - share))
