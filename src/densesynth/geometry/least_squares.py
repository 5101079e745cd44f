"""Least squares over a row of frames: derivatives by colours, the two shapes of normal equations, and damped steps.

Every frame has the same parameters and the same measurements, and most parameters (a wrist) touch few of them. Columns
of the Jacobian that share no row get one colour and are measured in one pass (Curtis, Powell and Reid 1974).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.linalg import LinAlgError, solveh_banded
from torch import Tensor

State = TypeVar("State")

LEAST_DAMPING, FIRST_DAMPING, MOST_DAMPING = 1e-7, 1e-3, 1e7
ENOUGH_EACH = 1e-2  # the same where a rough answer is wanted
LEAST_DIAGONAL = 1e-6  # added to a normal matrix, for parameters that nothing holds
STEP = 1e-6  # of differences: radians, decimetres
ROWS = 1024  # measured together: as many as the processor's cache takes well
ENOUGH = 2e-4  # relative gain of a step below which the next ones aren't worth their time


@dataclass(frozen=True, eq=False)
class Colouring:
    """Which measurements each parameter touches, and the colour (0, 1, …) of each parameter."""

    touches: Bool[Tensor, "o p"]
    colour: Int[Tensor, "p"]

    @property
    def seeds(self) -> Float[Tensor, "c p"]:
        """A row for each colour: 1 at its parameters."""
        return torch.nn.functional.one_hot(self.colour).T.double()


def colour(touches: Bool[Tensor, "o p"]) -> Colouring:
    """Colours, greedily, so that no two parameters of one colour touch the same measurement."""
    pattern = touches.numpy()
    used: list[np.ndarray] = []
    colours = np.zeros(pattern.shape[1], dtype=np.int64)
    for parameter in np.argsort(-pattern.sum(axis=0), kind="stable"):
        column = pattern[:, parameter]
        number = next((k for k, taken in enumerate(used) if not (taken & column).any()), len(used))
        if number == len(used):
            used.append(np.zeros(len(pattern), dtype=bool))
        used[number] |= column
        colours[parameter] = number
    return Colouring(touches, torch.as_tensor(colours))


def derivatives(
    measure: Callable[[Tensor], Tensor], at: Float[Tensor, "t p"], seeds: Float[Tensor, "c p"]
) -> tuple[Float[Tensor, "t o"], Float[Tensor, "c t o"]]:
    """The measurements of each frame, and their derivatives along each seed, the same for all frames.

    By differences: `measure` is called on whole rounds of frames, (k · t, p) → (k · t, o). For a posed body in double
    precision that is three times as fast as forward-mode derivatives and right to some six digits.
    """
    with torch.no_grad():
        values = measure(at)
        together = max(1, ROWS // len(at))
        slopes = [
            measure((at + STEP * part[:, None]).flatten(0, 1)).unflatten(0, (len(part), len(at))) - values
            for part in seeds.split(together)
        ]
    return values, torch.cat(slopes) / STEP


def jacobian(
    measure: Callable[[Tensor], Tensor], at: Float[Tensor, "t p"], colouring: Colouring
) -> tuple[Float[Tensor, "t o"], Float[Tensor, "t o p"]]:
    """The measurements of each frame, and their derivatives by that frame's parameters."""
    values, slopes = derivatives(measure, at, colouring.seeds)
    return values, slopes[colouring.colour].permute(1, 2, 0) * colouring.touches


def minimise_each(
    start: Float[Tensor, "t p"],
    linearise: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]],
    cost: Callable[[Tensor], Tensor],
    iterations: int,
) -> tuple[Float[Tensor, "t p"], Float[Tensor, "t"]]:
    """Levenberg's and Marquardt's descent for frames that have nothing in common, each with its own damping.

    linearise: parameters → costs (t), normal matrices (t, p, p), right sides (t, p); cost: parameters → costs (t).
    Returns the parameters and their costs.
    """
    state = start
    damping = start.new_full((len(start),), FIRST_DAMPING)
    values, matrix, side = linearise(state)
    for number in range(iterations):
        diagonal = matrix.diagonal(dim1=1, dim2=2)
        damped = matrix + torch.diag_embed(damping[:, None] * diagonal + LEAST_DIAGONAL)
        factor, _ = torch.linalg.cholesky_ex(damped)
        step = torch.cholesky_solve(side[..., None], factor)[..., 0]
        found = torch.nan_to_num(cost(state + step), nan=torch.inf)
        better = found < values
        hoped = (step * side).sum(dim=1)  # about what the step should gain
        done = torch.where(better, values - found, hoped) <= ENOUGH_EACH * values
        damping = torch.where(better, (damping / 5.0).clamp_min(LEAST_DAMPING), damping * 4.0)
        state = torch.where(better[:, None], state + step, state)
        values = torch.where(better, found, values)
        if done.all() or number == iterations - 1:
            break
        if better.any():
            _, matrix, side = linearise(state)
    return state, values


def solve_arrow(
    own: Float[Tensor, "t p p"],
    mixed: Float[Tensor, "t p s"],
    shared: Float[Tensor, "s s"],
    own_side: Float[Tensor, "t p"],
    shared_side: Float[Tensor, "s"],
) -> tuple[Float[Tensor, "t p"], Float[Tensor, "s"]] | None:
    """Normal equations of frames that share some parameters, by Schur's complement; None if not positive definite."""
    factor, bad = torch.linalg.cholesky_ex(own)
    if bad.any():
        return None
    both = torch.cholesky_solve(torch.cat([mixed, own_side[..., None]], dim=2), factor)
    inverse, partial = both[..., :-1], both[..., -1]
    complement = shared - (mixed.mT @ inverse).sum(dim=0)
    factor, bad = torch.linalg.cholesky_ex(complement)
    if bad.any():
        return None
    side = shared_side - (mixed.mT @ partial[..., None])[..., 0].sum(dim=0)
    common = torch.cholesky_solve(side[:, None], factor)[:, 0]
    return partial - inverse @ common, common


def solve_row(
    own: Float[Tensor, "t p p"],
    next_one: Float[Tensor, "u p p"],
    next_but_one: Float[Tensor, "w p p"],
    side: Float[Tensor, "t p"],
) -> Float[Tensor, "t p"] | None:
    """Normal equations of frames coupled to the next and next but one; None if not positive definite.

    next_one: rows of frame k + 1, columns of frame k. next_but_one: rows of frame k + 2, columns of frame k.
    """
    frames, count = side.shape
    band = np.zeros((3 * count, frames * count))
    row, column = np.indices((count, count))
    for away, blocks in enumerate((own.numpy(), next_one.numpy(), next_but_one.numpy())):
        if not len(blocks):
            continue
        below = away * count + row - column
        kept = below >= 0
        start = count * np.arange(len(blocks))[:, None]
        band[below[kept][None], start + column[kept][None]] = blocks[:, kept]
    try:
        solved = solveh_banded(band, side.numpy().reshape(-1), lower=True, check_finite=False)
    except LinAlgError:
        return None
    return torch.as_tensor(solved.reshape(frames, count))


@dataclass(frozen=True, eq=False)
class Linearised(Generic[State]):
    """A sum of squares near a state: its value, and the state a damped step leads to (None: not solvable)."""

    cost: float
    step: Callable[[float], State | None]


def minimise(
    start: State, linearise: Callable[[State], Linearised[State]], cost: Callable[[State], float], iterations: int
) -> State:
    """Levenberg's and Marquardt's descent: shorter steps while they fail, longer ones while they help."""
    state, damping = start, FIRST_DAMPING
    for _ in range(iterations):
        near = linearise(state)
        gain = 0.0
        while damping <= MOST_DAMPING:
            candidate = near.step(damping)
            value = cost(candidate) if candidate is not None else np.inf
            if candidate is not None and value < near.cost:
                state, gain = candidate, near.cost - value
                damping = max(damping / 5.0, LEAST_DAMPING)
                break
            damping *= 4.0
        if gain <= ENOUGH * near.cost:
            break
    return state
