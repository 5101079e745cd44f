"""Losses of the crop network: means over valid pixels, so that no weight depends on the batch.

Weights after docs/training.md: mask 1, parts 1, U and V 5, template point 3.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from jaxtyping import Bool, Float, UInt8
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
    """Labels of n crops at the maps' size. part: 0 background and other people. u, v: [0, 1]. rest: metres.
    known: false where nothing is learnt, such as a cut-out's soft edge."""

    part: UInt8[Tensor, "n s s"]
    u: Float[Tensor, "n s s"]
    v: Float[Tensor, "n s s"]
    rest: Float[Tensor, "n 3 s s"]
    known: Bool[Tensor, "n s s"]

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
    person = (targets.part > 0) & targets.known
    ramp = min(max((progress - RAMP_START) / (RAMP_END - RAMP_START), 0.0), 1.0)
    n, y, x = person.nonzero(as_tuple=True)
    channel = targets.part[n, y, x].long() - 1
    gap_u = u[n, channel, y, x] - targets.u[n, y, x]
    gap_v = v[n, channel, y, x] - targets.v[n, y, x]
    gap_rest = rest[n, :, y, x] - targets.rest[n, :, y, x]
    scale = log_scale[n, :, y, x].clamp(-LOG_SCALE_BOUND, LOG_SCALE_BOUND)
    huber_uv = 0.5 * (huber(gap_u, UV_BETA) + huber(gap_v, UV_BETA))
    huber_rest = huber(gap_rest, REST_BETA).mean(dim=1)
    losses = {
        "mask": mask_loss(mask[:, 0], targets.part > 0, targets.known),
        "part": part_loss(part, targets.part, targets.known),
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


def mask_loss(logits: Float[Tensor, "n s s"], person: Bool[Tensor, "n s s"], known: Bool[Tensor, "n s s"]) -> Tensor:
    """Binary cross-entropy plus Dice (Milletari et al. 2016), over the pixels that are known."""
    counted = known.to(logits.dtype)
    truth = person.to(logits.dtype) * counted
    p = torch.sigmoid(logits) * counted
    overlap = (p * truth).sum(dim=(1, 2))
    total = p.sum(dim=(1, 2)) + truth.sum(dim=(1, 2))
    dice = 1.0 - (2.0 * overlap + 1.0) / (total + 1.0)
    entropy = F.binary_cross_entropy_with_logits(logits, truth, reduction="none") * counted
    return entropy.sum() / counted.sum().clamp(min=1.0) + dice.mean()


def part_loss(logits: Float[Tensor, "n 25 s s"], part: UInt8[Tensor, "n s s"], known: Bool[Tensor, "n s s"]) -> Tensor:
    """Cross-entropy with labels softened within a pixel of a border and weights 1/√frequency, where they are known."""
    pixels = logits.permute(0, 2, 3, 1).reshape(-1, 25)
    wanted = soften(part).reshape(-1, 25) * class_weights(logits)
    wanted = wanted * known.reshape(-1, 1)
    share = wanted.sum(dim=1)
    total = (share * pixels.logsumexp(dim=1)).sum() - (wanted * pixels).sum()
    return total / share.sum().clamp(min=1e-6)


def class_weights(like: Tensor) -> Float[Tensor, "25"]:
    weights = torch.tensor(PART_SHARES, dtype=like.dtype, device=like.device).rsqrt()
    return weights / weights.mean()


def soften(part: UInt8[Tensor, "n h w"]) -> Float[Tensor, "n h w 25"]:
    """One-hot labels through a binomial 3×3 filter: 1 inside a part, shares where parts meet."""
    n, height, width = part.shape
    padded = F.pad(part[:, None].float(), (1, 1, 1, 1), mode="replicate")[:, 0].long()
    hot = torch.zeros(n, height + 2, width + 2, 25, dtype=torch.uint8, device=part.device)  # sixteenths need no floats
    hot.scatter_(3, padded[..., None], 1)
    rows = hot[:, :-2] + 2 * hot[:, 1:-1] + hot[:, 2:]
    sixteenths = rows[:, :, :-2] + 2 * rows[:, :, 1:-1] + rows[:, :, 2:]
    return sixteenths.float() / 16.0


def _mean(values: Tensor) -> Tensor:
    """Mean; 0 (with a gradient of 0) of nothing."""
    return values.sum() / max(values.numel(), 1)
