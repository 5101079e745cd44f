"""torchvision's names of ResNet, Faster R-CNN and Mask R-CNN weights → the zoo's.

Its backbones need `BackboneSettings(variant="torchvision")`: other input, and the stride in another convolution.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^backbone\.body\.", "backbone.bottom_up."),
        (r"^(?=conv1\.|bn1\.|layer\d\.|fc\.)", "backbone.bottom_up."),
        (r"bottom_up\.conv1\.", "bottom_up.stem.conv1."),
        (r"bottom_up\.bn1\.", "bottom_up.stem.conv1.norm."),
        (r"\.bn(\d)\.", r".conv\1.norm."),
        (r"\.downsample\.0\.", ".shortcut."),
        (r"\.downsample\.1\.", ".shortcut.norm."),
        (r"^rpn\.head\.conv\.0\.0\.", "proposal_generator.rpn_head.conv."),
        (r"^rpn\.head\.conv\.", "proposal_generator.rpn_head.conv."),
        (r"^rpn\.head\.cls_logits\.", "proposal_generator.rpn_head.objectness_logits."),
        (r"^rpn\.head\.bbox_pred\.", "proposal_generator.rpn_head.anchor_deltas."),
        (r"^roi_heads\.box_head\.fc6\.", "roi_heads.box_head.fc1."),
        (r"^roi_heads\.box_head\.fc7\.", "roi_heads.box_head.fc2."),
    )
)
_LAYER = re.compile(r"bottom_up\.layer(\d)\.")
_PYRAMID = re.compile(r"^backbone\.fpn\.(inner|layer)_blocks\.(\d)(?:\.0)?\.")
PERSON = 1  # torchvision's class id; 0 is background


def rename_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under the zoo's names; a state without torchvision's names comes back as it is.

    Of a COCO detector's 91 classes only person and background stay, in the zoo's order; masks are left out.
    """
    if not any(name.startswith(("layer1.", "backbone.body.")) for name in state):
        return dict(state)
    renamed = {}
    for name, value in state.items():
        if name.startswith(("fc.", "roi_heads.mask")) or name.endswith("num_batches_tracked"):
            continue
        renamed[_rename(name)] = _people_only(name, value)
    return renamed


def _rename(name: str) -> str:
    for pattern, replacement in _RULES:
        name = pattern.sub(replacement, name)
    name = _LAYER.sub(lambda found: f"bottom_up.res{int(found[1]) + 1}.", name)
    kinds = {"inner": "lateral", "layer": "output"}
    return _PYRAMID.sub(lambda found: f"backbone.fpn_{kinds[found[1]]}{int(found[2]) + 2}.", name)


def _people_only(name: str, value: Tensor) -> Tensor:
    if name.startswith("roi_heads.box_predictor.cls_score."):
        return torch.stack([value[PERSON], value[0]])
    if name.startswith("roi_heads.box_predictor.bbox_pred."):
        return value[4 * PERSON : 4 * PERSON + 4]
    return value
