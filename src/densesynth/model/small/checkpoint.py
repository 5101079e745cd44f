"""The small model's files: one safetensors with the weights of detector and crop network in half precision, and their
settings and version as metadata. Either network may be missing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from densesynth.data.files import write_bytes
from densesynth.errors import AssetError
from densesynth.model.small.crop import CropNetwork, CropSettings
from densesynth.model.small.detector import Detector, DetectorSettings

FORMAT = 1
KEY = "densesynth.small"
SHIPPED = "small.safetensors"
Settings = TypeVar("Settings", CropSettings, DetectorSettings)


@dataclass(frozen=True, kw_only=True, eq=False)
class SmallModel:
    """What a file holds. about: whatever its maker wrote beside the weights (recipe, steps, version)."""

    crop: CropNetwork | None
    detector: Detector | None
    about: dict[str, Any]


def save_small(
    path: Path,
    *,
    crop: tuple[CropSettings, dict[str, Tensor]] | None = None,
    detector: tuple[DetectorSettings, dict[str, Tensor]] | None = None,
    about: dict[str, Any],
) -> None:
    """Write weights (state dicts) in half precision, atomically. Raises DatasetError."""
    tensors: dict[str, Tensor] = {}
    metadata: dict[str, Any] = {"format": FORMAT, "about": about}
    for name, entry in (("crop", crop), ("detector", detector)):
        if entry is not None:
            metadata[name] = asdict(entry[0])
            for key, value in entry[1].items():
                value = value.detach().cpu()
                tensors[f"{name}.{key}"] = (value.half() if value.is_floating_point() else value).contiguous().clone()
    write_bytes(path, save(tensors, {KEY: json.dumps(metadata)}))


def load_small(path: Path) -> SmallModel:
    """Read a file of `save_small`. Raises AssetError when it is another file, damaged, or of other shapes."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        if metadata["format"] != FORMAT:
            raise AssetError(f"{path}: format {metadata['format']}, and this densesynth reads format {FORMAT}")
        crop = CropNetwork(_settings(CropSettings, metadata["crop"])) if "crop" in metadata else None
        detector = Detector(_settings(DetectorSettings, metadata["detector"])) if "detector" in metadata else None
    except FileNotFoundError:
        raise AssetError(f"{path}: there is no such checkpoint") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise AssetError(f"{path}: no checkpoint of the small model, or damaged ({error})") from None
    for name, network in (("crop", crop), ("detector", detector)):
        if network is not None:
            _fill(path, name, network, tensors)
    return SmallModel(crop=crop, detector=detector, about=metadata["about"])


def join_small(crop: Path, detector: Path, out: Path) -> None:
    """Put the crop network of one file and the detector of another into one. Raises AssetError or DatasetError."""
    one, other = load_small(crop), load_small(detector)
    if one.crop is None or other.detector is None:
        path, missing = (crop, "crop network") if one.crop is None else (detector, "detector")
        raise AssetError(f"{path}: holds no {missing}")
    save_small(
        out,
        crop=(one.crop.settings, one.crop.state_dict()),
        detector=(other.detector.settings, other.detector.state_dict()),
        about={"crop": one.about, "detector": other.about},
    )


def is_small(path: Path) -> bool:
    """Whether a file is a checkpoint of the small model (and not another, or none)."""
    try:
        with safe_open(path, framework="pt") as file:
            return KEY in (file.metadata() or {})
    except (SafetensorError, OSError):
        return False


def shipped_checkpoint() -> Path:
    """The checkpoint that comes with densesynth. Raises AssetError where it is missing."""
    path = Path(str(resources.files("densesynth.model") / "data" / SHIPPED))
    if not path.is_file():
        raise AssetError(
            "no trained model comes with this densesynth; name a checkpoint with --model (docs/training.md)"
        )
    return path


def _settings(kind: type[Settings], table: dict[str, Any]) -> Settings:
    plain: Any = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return kind(**plain)


def _fill(path: Path, prefix: str, network: torch.nn.Module, tensors: dict[str, Tensor]) -> None:
    wanted = network.state_dict()
    found = {name.removeprefix(f"{prefix}."): value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
    odd = sorted(wanted.keys() ^ found.keys())
    odd += [name for name in wanted.keys() & found.keys() if wanted[name].shape != found[name].shape]
    if odd:
        raise AssetError(f"{path}: doesn't hold the {prefix} network its settings describe: `{odd[0]}` differs")
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in found.items()})
    network.eval()
