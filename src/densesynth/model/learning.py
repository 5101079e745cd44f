"""The losses of DensePose R-CNN for a batch: the straight line from pictures and targets to named scalars.

Source: detectron2's and DensePose's training path. Regions learn their surface when they overlap a person who has
dense labels with IoU > 0.7. Pictures without such people still teach the detector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from densesynth.model import losses
from densesynth.model.boxes import overlap
from densesynth.model.crops import CONFIDENCE_FLOOR, enlarge
from densesynth.model.losses_detection import Regions, box_losses, proposal_losses, sample_regions
from densesynth.model.output import ChartMaps, EmbeddingMaps, Maps, change_maps
from densesynth.model.predictor import normalise
from densesynth.model.proposals import choose_proposals
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.targets import ImageTargets
from densesynth.surface.parts import FINE_TO_COARSE


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Weights of the DensePose losses; the zoo's by default."""

    coarse: float = 5.0
    """Coarse segmentation."""
    part: float = 1.0
    """Fine part."""
    points: float = 0.01
    """U and V, summed over points; 0.0005 with confidences."""
    embedding: float = 0.6
    """Surface embedding."""
    supervision: Literal["points", "dense"] = "points"
    """points: as DensePose does; dense: from every pixel where full maps are there, else from points."""
    dense_scale: float = 100.0
    """With dense supervision the mean over pixels stands for so many points a region."""


@dataclass(frozen=True, kw_only=True)
class DenseRegions:
    """Regions that learn their surface. picture, person: which labelled person each belongs to."""

    boxes: list[Float32[Tensor, "_ 4"]]
    picture: Int64[Tensor, "n"]
    person: Int64[Tensor, "n"]


def rcnn_losses(
    model: DensePoseRCNN,
    pictures: list[Tensor],
    targets: list[ImageTargets],
    generator: torch.Generator,
    settings: LossSettings | None = None,
) -> dict[str, Tensor]:
    """Named losses of a batch, weights applied; their sum is what training lowers.

    pictures: RGB (3, h, w), 0..255, already at the network's size. generator: of the CPU; samples anchors and regions.
    A loss that nothing in the batch teaches is 0 and still reaches the parameters.
    """
    settings = settings or LossSettings()
    detector = model.settings.detector
    people = [t.boxes for t in targets]
    pyramid = model.backbone(model.prepare(pictures))
    maps = model.proposal_generator(pyramid)
    found = proposal_losses(maps, people, generator)
    sizes = [(p.shape[1], p.shape[2]) for p in pictures]
    candidates = choose_proposals(maps, sizes, detector.proposals_before[0], detector.proposals_after[0])
    regions = [sample_regions(c, own, detector.regions, generator) for c, own in zip(candidates, people, strict=True)]
    logits, deltas = model.roi_heads.find_boxes(pyramid, [r.boxes for r in regions])
    found |= box_losses(logits, deltas, regions, people)
    return found | _surface_losses(model, pyramid, regions, targets, settings)


def has_surface(targets: ImageTargets, person: int) -> bool:
    """Whether a person has labels that teach the surface."""
    points = targets.points[person]
    return targets.dense is not None or (points is not None and len(points.x) > 0)


def choose_dense_regions(regions: list[Regions], targets: list[ImageTargets], threshold: float) -> DenseRegions:
    """Regions of people with dense labels that overlap them by more than the threshold."""
    boxes, picture, person = [], [], []
    for number, (own, target) in enumerate(zip(regions, targets, strict=True)):
        labelled = torch.tensor([has_surface(target, i) for i in range(len(target.boxes))], dtype=torch.bool)
        near = (own.person >= 0).nonzero()[:, 0]
        which = own.person[near]
        if len(near) == 0:  # also a picture without people
            chosen = which > 0
        else:
            close = overlap(own.boxes[near], target.boxes).gather(1, which[:, None])[:, 0] > threshold
            chosen = close & labelled.to(close.device)[which]
        boxes.append(own.boxes[near[chosen]])
        person.append(which[chosen])
        picture.append(torch.full_like(which[chosen], number))
    return DenseRegions(boxes=boxes, picture=torch.cat(picture), person=torch.cat(person))


def _surface_losses(
    model: DensePoseRCNN,
    pyramid: list[Tensor],
    regions: list[Regions],
    targets: list[ImageTargets],
    settings: LossSettings,
) -> dict[str, Tensor]:
    chosen = choose_dense_regions(regions, targets, model.settings.detector.dense_overlap)
    if len(chosen.person) == 0:
        return {"loss_densepose": _touch(model.roi_heads)}
    maps = _enlarged(model.roi_heads.find_surface(pyramid, chosen.boxes))
    if isinstance(maps, EmbeddingMaps):
        return _coarse(maps, chosen, targets, settings) | _embedding(model, maps, chosen, targets, settings)
    if settings.supervision == "dense" and all(t.dense is not None for t in targets):
        return _coarse(maps, chosen, targets, settings) | _dense(maps, chosen, targets, settings)
    points = _gather_points(chosen, targets)
    side = maps.fine.shape[-1]
    flat = torch.cat(chosen.boxes)
    place, valid = losses.place_points(points["x"], points["y"], flat[points["region"]], side)
    body = valid & (points["part"] > 0)
    if not bool(body.any()):
        return {"loss_densepose": _touch_maps(maps)}
    place, region, part = place[valid], points["region"][valid], points["part"][valid]
    wanted = torch.stack([points["u"], points["v"]], dim=1)[valid]
    found = {"loss_densepose_I": settings.part * losses.part_loss(losses.read_points(maps.fine, region, place), part)}

    def read(values: Tensor) -> Tensor:
        return losses.of_part(losses.read_points(values, region, place), part)[part > 0]

    answer = _coordinates(maps, torch.stack([read(maps.u), read(maps.v)], dim=1), wanted[part > 0], read)
    found |= {name: settings.points * value for name, value in answer.items()}
    return found | _coarse(maps, chosen, targets, settings)


def _gather_points(chosen: DenseRegions, targets: list[ImageTargets]) -> dict[str, Tensor]:
    """Annotated points of every region's person, with the region each belongs to."""
    rows: dict[str, list[Tensor]] = {name: [] for name in ("x", "y", "part", "u", "v", "vertex", "region")}
    for region, (picture, person) in enumerate(zip(chosen.picture.tolist(), chosen.person.tolist(), strict=True)):
        points = targets[picture].points[person]
        if points is None:
            continue
        for name in ("x", "y", "part", "u", "v"):
            rows[name].append(getattr(points, name))
        rows["vertex"].append(torch.full_like(points.part, -1) if points.vertex is None else points.vertex)
        rows["region"].append(torch.full_like(points.part, region))
    if not rows["x"]:
        device = chosen.person.device
        whole = {name: torch.zeros(0, dtype=torch.int64, device=device) for name in ("part", "vertex", "region")}
        return {name: torch.zeros(0, device=device) for name in ("x", "y", "u", "v")} | whole
    return {name: torch.cat(values) for name, values in rows.items()}


def _coordinates(
    maps: ChartMaps, found: Float[Tensor, "k 2"], wanted: Float[Tensor, "k 2"], read: Callable[[Tensor], Tensor]
) -> dict[str, Tensor]:
    """Losses of U and V, sums over points; with confidences one loss of both. read: a map's values at the points."""
    if maps.sigma is None:
        u, v = (losses.coordinate_loss(found[:, axis], wanted[:, axis]) for axis in (0, 1))
        return {"loss_densepose_U": u, "loss_densepose_V": v}
    difference, sigma = found - wanted, read(maps.sigma)
    if maps.kappa_u is None or maps.kappa_v is None:
        return {"loss_densepose_UV": losses.isotropic_loss(difference, sigma)}
    kappa = torch.stack([read(maps.kappa_u), read(maps.kappa_v)], dim=1)
    return {"loss_densepose_UV": losses.correlated_loss(difference, sigma, kappa)}


def _dense(
    maps: ChartMaps, chosen: DenseRegions, targets: list[ImageTargets], settings: LossSettings
) -> dict[str, Tensor]:
    """I over every pixel of the regions, U and V over every body pixel."""
    part, u, v = _dense_labels(chosen, targets, maps.fine.shape[-1])
    logits = maps.fine.movedim(1, -1).flatten(0, 2)
    found = {"loss_densepose_I": settings.part * losses.part_loss(logits, part.flatten())}
    body = part > 0
    count = int(body.sum())
    if count == 0:
        return found | {"loss_densepose": _touch_maps(maps)}

    def read(values: Tensor) -> Tensor:
        return losses.pixels_of_part(values, part)

    wanted = torch.stack([u[body], v[body]], dim=1)
    answer = _coordinates(maps, torch.stack([read(maps.u), read(maps.v)], dim=1), wanted, read)
    weight = settings.points * settings.dense_scale * len(part) / count
    return found | {name: weight * value for name, value in answer.items()}


def _dense_labels(chosen: DenseRegions, targets: list[ImageTargets], side: int) -> tuple[Tensor, Tensor, Tensor]:
    labels = []
    for number, (boxes, target) in enumerate(zip(chosen.boxes, targets, strict=True)):
        if len(boxes) and target.dense is not None:
            dense = target.dense
            maps = {"instance": dense.instance, "part": dense.part, "u": dense.u, "v": dense.v}
            labels.append(losses.dense_targets(maps, boxes, chosen.person[chosen.picture == number], side))
    part, u, v = (torch.cat(values) for values in zip(*labels, strict=True))
    return part, u, v


def _coarse(maps: Maps, chosen: DenseRegions, targets: list[ImageTargets], settings: LossSettings) -> dict[str, Tensor]:
    """Coarse segmentation of the regions whose people have coarse maps, or full ones. (DensePose drops the whole
    batch's when one person has none.)"""
    side, channels = maps.coarse.shape[-1], maps.coarse.shape[1]
    to_coarse = torch.from_numpy(FINE_TO_COARSE.astype("int64")).to(maps.coarse.device)
    flat, wanted, rows = torch.cat(chosen.boxes), [], []
    for region, (picture, person) in enumerate(zip(chosen.picture.tolist(), chosen.person.tolist(), strict=True)):
        target, box = targets[picture], flat[region : region + 1]
        coarse, dense = target.coarse[person], target.dense
        if dense is not None and (coarse is None or settings.supervision == "dense"):
            full = {"instance": dense.instance, "part": dense.part, "u": dense.u, "v": dense.v}
            labels = to_coarse[losses.dense_targets(full, box, chosen.person[region : region + 1], side)[0]]
            labels = (labels > 0).long() if channels == 2 else labels
        elif coarse is not None:
            own = target.boxes[person : person + 1]
            labels = losses.coarse_targets(coarse[None], own, box, side, channels)
        else:
            continue
        wanted.append(labels)
        rows.append(region)
    if not rows:
        return {"loss_densepose_S": maps.coarse.sum() * 0}
    logits = maps.coarse if len(rows) == len(flat) else maps.coarse[torch.tensor(rows, device=flat.device)]
    return {"loss_densepose_S": settings.coarse * losses.coarse_loss(logits, torch.cat(wanted))}


def _embedding(
    model: DensePoseRCNN, maps: EmbeddingMaps, chosen: DenseRegions, targets: list[ImageTargets], settings: LossSettings
) -> dict[str, Tensor]:
    """CSE's hard loss at annotated points, for the model's first mesh."""
    points, flat = _gather_points(chosen, targets), torch.cat(chosen.boxes)
    place, valid = losses.place_points(points["x"], points["y"], flat[points["region"]], maps.embedding.shape[-1])
    valid = valid & (points["vertex"] >= 0)
    if not bool(valid.any()):
        return {"loss_densepose_E": maps.embedding.sum() * 0}
    assert model.roi_heads.embedder is not None
    vertices = model.roi_heads.embedder(model.settings.head.meshes[0][0])
    found = normalise(losses.read_points(maps.embedding, points["region"][valid], place[valid]))
    return {"loss_densepose_E": settings.embedding * losses.embedding_loss(found, points["vertex"][valid], vertices)}


def _enlarged(maps: Maps) -> Maps:
    """Maps at the size the losses are computed at; segmentation confidences multiplied in."""
    large = change_maps(maps, lambda tensor: enlarge(tensor, maps.scale))
    if not isinstance(large, ChartMaps) or large.fine_confidence is None or large.coarse_confidence is None:
        return large
    coarse, fine = (F.softplus(c) + CONFIDENCE_FLOOR for c in (large.coarse_confidence, large.fine_confidence))
    return replace(large, coarse=large.coarse * coarse, fine=large.fine * fine)


def _touch(module: nn.Module) -> Tensor:
    """0, as a function of the DensePose branch's parameters: they get a gradient (zero) in every step."""
    names = ("decoder", "densepose_head", "densepose_predictor")
    parameters = [p for name in names for p in module.get_submodule(name).parameters()]
    return torch.stack([p.sum() * 0 for p in parameters]).sum()


def _touch_maps(maps: ChartMaps) -> Tensor:
    """0, as a function of the maps: nothing valid to learn from, which drops the coarse loss too, as in DensePose."""
    return torch.stack([m.sum() * 0 for m in (maps.coarse, maps.fine, maps.u, maps.v)]).sum()
