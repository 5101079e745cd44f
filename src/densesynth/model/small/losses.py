"""Losses of the crop network: means over valid pixels, so that no weight depends on the batch.

Weights after docs/training.md: mask 1, parts 1, U and V 5, template point 3.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional as F

UV_BETA, REST_BETA = 0.02, 0.02  # where Huber's square ends: chart units, metres
RAMP_START, RAMP_END = 0.3, 0.6  # share of the training in which uncertainty comes in
LOG_SCALE_BOUND = 5.0
LIKELIHOOD = 0.05  # keeps the likelihood's gradient, 1 / b, in the range of the error's own
WEIGHTS = {"mask": 1.0, "part": 1.0, "uv": 5.0, "rest": 3.0}

# Rough shares of background and parts 1..24 among the pixels of a crop: estimates, only to weight rare parts up.
PART_SHARES = (
    0.62, 0.045, 0.045, 0.006, 0.006, 0.006, 0.006, 0.020, 0.020, 0.020, 0.020, 0.012, 0.012, 0.014, 0.014, 0.011,
    0.011, 0.011, 0.011, 0.008, 0.008, 0.008, 0.008, 0.024, 0.024,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CropTargets:
    """Labels of n crops at the maps' size. part: 0 background and other people. u, v: [0, 1]. rest: metres."""

    part: UInt8[Tensor, "n s s"]
    u: Float[Tensor, "n s s"]
    v: Float[Tensor, "n s s"]
    rest: Float[Tensor, "n 3 s s"]

    def to(self, device: torch.device) -> CropTargets:
        return CropTargets(**{f.name: getattr(self, f.name).to(device, non_blocking=True) for f in fields(self)})


def crop_losses(
    mask: Float[Tensor, "n 1 s s"],
    part: Float[Tensor, "n 25 s s"],
    u: Float[Tensor, "n 24 s s"],
    v: Float[Tensor, "n 24 s s"],
    rest: Float[Tensor, "n 3 s s"],
    log_scale: Float[Tensor, "n 2 s s"],
    targets: CropTargets,
    *,
    progress: float,
) -> dict[str, Tensor]:
    """mask, part, uv, rest: weighted losses."""
    person = targets.part > 0
    ramp = min(max((progress - RAMP_START) / (RAMP_END - RAMP_START), 0.0), 1.0)
    channel = (targets.part.long() - 1).clamp(min=0)[:, None]
    n, y, x = person.nonzero(as_tuple=True)
    gap_u = u.gather(1, channel)[:, 0][n, y, x] - targets.u[n, y, x]
    gap_v = v.gather(1, channel)[:, 0][n, y, x] - targets.v[n, y, x]
    gap_rest = (rest - targets.rest)[n, :, y, x]
    scale = log_scale[n, :, y, x].clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)
    huber_uv = 0.5 * (huber(gap_u, UV_BETA) + huber(gap_v, UV_BETA))
    huber_rest = huber(gap_rest, REST_BETA).mean(dim=1)
    losses = {
        "mask": mask_loss(mask[:, 0], person),
        "part": part_loss(part, targets.part),
        "uv": _mean(tempered(huber_uv, scale[:, 0], ramp)),
        "rest": _mean(tempered(huber_rest, scale[:, 1], ramp)),
    }
    return {name: WEIGHTS[name] * value for name, value in losses.items()}


def huber(gap: Tensor, beta: float) -> Tensor:
    """|gap| beyond beta (less half of it), quadratic within."""
    size = gap.abs()
    return torch.where(size < beta, 0.5 * size * size / beta, size - 0.5 * beta)


def tempered(error: Tensor, log_scale: Tensor, ramp: float) -> Tensor:
    """A share 1 − ramp of the error itself, and the rest of its Laplace likelihood, error / b + log b (Kendall and Gal
    2017). Until the likelihood comes in, the scale alone learns from it, so that it is right by then."""
    fixed, moving = error.detach(), error
    inverse = torch.exp(-log_scale)
    likelihood = (1.0 - ramp) * fixed * inverse + ramp * moving * inverse + log_scale
    return (1.0 - ramp) * error + LIKELIHOOD * likelihood


def mask_loss(logits: Float[Tensor, "n s s"], person: Tensor) -> Tensor:
    """Binary cross-entropy plus Dice (Milletari et al. 2016)."""
    truth = person.to(logits.dtype)
    p = torch.sigmoid(logits)
    overlap = (p * truth).sum(dim=(1, 2))
    total = p.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    dice = 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)
    return F.binary_cross_entropy_with_logits(logits, truth) + dice.mean()


def part_loss(logits: Float[Tensor, "n 25 s s"], part: UInt8[Tensor, "n s s"]) -> Tensor:
    """Cross-entropy with labels softened within a pixel of a border and weights 1/√frequency."""
    soft = soften(part)
    weights = class_weights(logits)
    per_class = -soft * F.log_softmax(logits, dim=1) * weights[None, :, None, None]
    return per_class.sum() / (soft * weights[None, :, None, None]).sum()


def class_weights(like: Tensor) -> Float[Tensor, "25"]:
    weights = torch.tensor(PART_SHARES, dtype=like.dtype, device=like.device).rsqrt()
    return weights / weights.mean()


def soften(part: UInt8[Tensor, "n h w"]) -> Float[Tensor, "n 25 h w"]:
    """One-hot labels through a binomial 3×3 filter: 1 inside a part, shares where parts meet."""
    n, height, width = part.shape
    hot = torch.zeros(n, 25, height, width, device=part.device)
    hot.scatter_(1, part.long()[:, None], 1.0)
    padded = F.pad(hot, (1, 1, 1, 1), mode="replicate")
    rows = 0.25 * padded[:, :, :-2] + 0.5 * padded[:, :, 1:-1] + 0.25 * padded[:, :, 2:]
    return 0.25 * rows[..., :-2] + 0.5 * rows[..., 1:-1] + 0.25 * rows[..., 2:]


def _mean(values: Tensor) -> Tensor:
    """Mean; 0 (with a gradient of 0) of nothing."""
    return values.sum() / max(values.numel(), 1)
