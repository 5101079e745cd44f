"""Checkpoints: ours (safetensors with the configuration inside), the zoo's pickles, torchvision's files.

Nothing in a file is ever run: pickles are read by `densesynth.pickles`, torch's own files with `weights_only`. Loading
goes by name and says what was missing, unexpected or of another shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from densesynth.data.files import write_bytes
from densesynth.errors import AssetError
from densesynth.model.rcnn import DensePoseRCNN
from densesynth.model.settings import BackboneSettings, DetectorSettings, HeadSettings, RcnnSettings
from densesynth.model.torchvision_names import rename_torchvision
from densesynth.pickles import read_pickle

KIND = "densepose-rcnn"
FORMAT = "1"
# Of old zoo files: constants that the network makes itself.
IGNORED = ("pixel_mean", "pixel_std", "anchor_generator.cell_anchors", "num_batches_tracked")
LISTED = 6  # names in a message
_MARKS = {  # of a DensePose R-CNN of the s1x family, beside its head and predictor
    "backbone.bottom_up.stem.conv1.weight",
    "backbone.fpn_lateral2.weight",
    "roi_heads.box_head.fc2.weight",
    "roi_heads.decoder.predictor.weight",
}


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """What loading did, by name. fresh: in the model alone, so they keep their initialisation. reshaped: (name, shape
    in the file, in the model), which keep theirs too. unexpected: in the file alone."""

    loaded: tuple[str, ...]
    fresh: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    @property
    def whole(self) -> bool:
        """Whether file and model hold the same names and shapes."""
        return not (self.fresh or self.unexpected or self.reshaped)

    def lines(self) -> tuple[str, ...]:
        """The report in words, nothing when all went by name."""
        shapes = [f"{name} ({list(old)} in the file, {list(new)} here)" for name, old, new in self.reshaped]
        kinds = (
            ("freshly initialised, not in the file", self.fresh),
            ("freshly initialised, of another shape in the file", shapes),
            ("left out, not in the model", self.unexpected),
        )
        return tuple(f"{len(names)} {what}: {_listed(list(names))}" for what, names in kinds if names)


def save_model(path: Path, model: DensePoseRCNN, extras: Mapping[str, str] | None = None) -> None:
    """Write weights, configuration and version as safetensors, atomically. extras: more metadata.

    Raises DatasetError.
    """
    metadata = {
        **(extras or {}),
        "kind": KIND,
        "format": FORMAT,
        "densesynth": version("densesynth"),
        "settings": msgspec.json.encode(model.settings).decode(),
    }
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    write_bytes(path, save(tensors, metadata=metadata))


def open_model(path: Path) -> DensePoseRCNN:
    """The model of a checkpoint, in evaluation mode: ours by its stored settings, the zoo's by its shapes.

    Raises AssetError, one line, when the file is missing, damaged, no such checkpoint, or doesn't fill the model.
    """
    state = read_state(path)
    settings = _stored_settings(path) if path.suffix == ".safetensors" else settings_of(state, str(path))
    model = DensePoseRCNN(settings)
    report = load_state(model, state)
    if report.fresh or report.reshaped:
        raise AssetError(
            f"{path}: not the weights of a whole DensePose R-CNN; {'; '.join(report.lines())}. "
            "To start training from part of a model, load it with `load_state`"
        )
    return model.eval()


def read_state(path: Path) -> dict[str, Tensor]:
    """A file's tensors under the zoo's names: .safetensors, .pkl (detectron2), .pth or .pt (detectron2, torchvision).

    Raises AssetError.
    """
    if not path.is_file():
        raise AssetError(f"{path}: no such file; expected a checkpoint (.safetensors, .pkl or .pth)")
    if path.suffix == ".safetensors":
        return _read_safetensors(path)[0]
    content = read_pickle(path) if path.suffix == ".pkl" else _read_torch(path)
    if isinstance(content, dict) and isinstance(content.get("model"), dict):
        content = content["model"]
    if not isinstance(content, dict):
        raise AssetError(f"{path}: holds a {type(content).__name__}; expected a dictionary of weights by name")
    state = {}
    for name, value in content.items():
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(np.array(value))
        if isinstance(value, Tensor):
            state[str(name)] = value
    if not state:
        raise AssetError(f"{path}: no weights in it; expected `model`: names and arrays, as the zoo's files hold")
    return rename_torchvision(_rename_bare_backbone(state))


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> LoadReport:
    """Copy what fits by name and shape; everything else stays as it is, and the report says so."""
    own = model.state_dict()
    loaded, reshaped = [], []
    with torch.no_grad():
        for name, value in own.items():
            given = state.get(name)
            if given is None:
                continue
            if given.shape != value.shape:
                reshaped.append((name, tuple(given.shape), tuple(value.shape)))
            else:
                value.copy_(given)
                loaded.append(name)
    return LoadReport(
        loaded=tuple(loaded),
        fresh=tuple(name for name in own if name not in state),
        unexpected=tuple(n for n in state if n not in own and not any(part in n for part in IGNORED)),
        reshaped=tuple(reshaped),
    )


def settings_of(state: Mapping[str, Tensor], source: str) -> RcnnSettings:
    """The zoo's configuration that a state dict was trained with, read from its names and shapes.

    Raises AssetError when it is no DensePose R-CNN with a decoder.
    """
    shape = {name: tuple(value.shape) for name, value in state.items()}
    head, predictor = "roi_heads.densepose_head", "roi_heads.densepose_predictor"
    first = shape.get(f"{head}.body_conv_fcn1.weight")
    coarse = shape.get(f"{predictor}.ann_index_lowres.weight") or shape.get(f"{predictor}.coarse_segm_lowres.weight")
    if first is None or coarse is None or not set(shape) >= _MARKS:
        raise AssetError(
            f"{source}: no DensePose R-CNN of the s1x family (no DensePose head, predictor or decoder in it); "
            "legacy and Caffe2 checkpoints have none"
        )
    blocks = len({name.split(".")[3] for name in shape if name.startswith("backbone.bottom_up.res4.")})
    depths = {6: 50, 23: 101, 2: 26}
    if blocks not in depths or coarse[1] not in (2, 15):
        raise AssetError(
            f"{source}: {blocks} blocks in res4, {coarse[1]} coarse channels; expected ResNet-50 or 101, 2 or 15"
        )
    confidences = [f"{predictor}.{name}_lowres.weight" in shape for name in ("sigma_2", "kappa_u")]
    embedded = shape.get(f"{predictor}.embed_lowres.weight")
    prefix = "roi_heads.embedder.embedder_"
    meshes = tuple(
        (name[len(prefix) :].split(".")[0], size[0], size[1])
        for name, size in shape.items()
        if name.startswith(prefix) and name.endswith(".features")
    )
    options = {
        "kind": "deeplab" if f"{head}.ASPP.project.0.weight" in shape else "v1convx",
        "non_local": f"{head}.NLBlock.theta.weight" in shape,
        "convolutions": sum(f"{head}.body_conv_fcn{k}.weight" in shape for k in range(1, 32)),
        "channels": first[0],
        "coarse": coarse[1],
        "confidence": "off" if not confidences[0] else "wc2" if confidences[1] else "wc1",
        "segmentation_confidence": f"{predictor}.fine_segm_confidence_lowres.weight" in shape,
        "output": "chart" if embedded is None else "embedding",
        "embedding": 16 if embedded is None else embedded[1],
        "meshes": meshes or HeadSettings().meshes,
    }
    stem, pyramid = shape["backbone.bottom_up.stem.conv1.weight"][0], shape["backbone.fpn_lateral2.weight"][0]
    backbone = {"depth": depths[blocks], "width": stem, "channels": pyramid}
    return RcnnSettings(
        backbone=msgspec.convert(backbone, BackboneSettings),
        detector=DetectorSettings(box_features=shape["roi_heads.box_head.fc2.weight"][0]),
        head=msgspec.convert(options, HeadSettings),
    )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise AssetError(f"{path}: no safetensors file, cut off or damaged ({_first_line(error)})") from None


def _stored_settings(path: Path) -> RcnnSettings:
    metadata = _read_safetensors(path)[1]
    if metadata.get("kind") != KIND:
        raise AssetError(
            f"{path}: kind {metadata.get('kind', 'unknown')!r} in its metadata; expected {KIND!r}, "
            "as densesynth writes it"
        )
    try:
        return msgspec.json.decode(metadata["settings"], type=RcnnSettings)
    except (KeyError, msgspec.MsgspecError, json.JSONDecodeError) as error:
        raise AssetError(
            f"{path}: its settings can't be read ({_first_line(error)}); written by densesynth "
            f"{metadata.get('densesynth', 'unknown')}, this is {version('densesynth')}"
        ) from None


def _read_torch(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises what it likes for a damaged file; whatever it is, the file can't be used.
        raise AssetError(f"{path}: no file of torch weights, or damaged ({_first_line(error)[:120]})") from None


def _rename_bare_backbone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """MSRA's ImageNet weights (R-50.pkl) hold `stem.…`, `res2.…` alone."""
    if "stem.conv1.weight" not in state:
        return state
    return {f"backbone.bottom_up.{name}": value for name, value in state.items() if not name.startswith("fc")}


def _listed(names: list[str]) -> str:
    rest = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).split("\n")[0]
