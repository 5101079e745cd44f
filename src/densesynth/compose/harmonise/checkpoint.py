"""A generator's weights on disk: ours (safetensors, settings in its header) and the authors' `net_G_last.pth`."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from densesynth.compose.harmonise.generator import RainNet
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings, settings_from_table
from densesynth.errors import AssetError, ConfigurationError

KIND = "densesynth RainNet"
HEADER = "densesynth"  # key of the file's metadata that holds ours, as JSON
PICKLES = (".pth", ".pt")


def encode_generator(network: RainNet) -> bytes:
    """The network as a safetensors file."""
    settings = {name: getattr(network.settings, name) for name in RainNetSettings.__dataclass_fields__}
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    header = json.dumps({"kind": KIND, "settings": settings}, sort_keys=True)
    return safetensors.torch.save(tensors, {HEADER: header})


def load_generator(path: Path, device: str = "cpu") -> RainNet:
    """A generator, ready to apply. `.pth` and `.pt` are read as the authors' checkpoints, anything else as ours.

    Nothing in a file is ever run. Raises AssetError: missing, damaged, another network, or a pickle that names more
    than tensors.
    """
    if not path.is_file():
        raise AssetError(f"{path}: there is no such checkpoint; give a .safetensors of ours or net_G_last.pth")
    if path.suffix.lower() in PICKLES:
        tensors, settings = _read_released(path), None
    else:
        tensors, settings = _read_ours(path)
    _refuse_strangers(path, tensors)
    if settings is None:
        blocks = 1 + max(name.count("submodule.") for name in tensors)
        settings = RainNetSettings(ngf=len(tensors["model_layer0.weight"]), blocks=blocks)
    network = RainNet(settings)
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if expected != found:
        name = min(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        raise AssetError(
            f"{path}: another network: expected `{name}` {expected.get(name, 'absent')}, "
            f"found {found.get(name, 'absent')}; give a RainNet generator"
        )
    if not all(torch.isfinite(value).all() for value in tensors.values()):
        raise AssetError(f"{path}: holds weights that aren't finite; take another checkpoint")
    network.load_state_dict(tensors)
    return network.eval().to(device)


def _read_ours(path: Path) -> tuple[dict[str, Tensor], RainNetSettings]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(HEADER, "{}"))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise AssetError(f"{path}: no safetensors file, or damaged ({reason}); train or copy it again") from None
    if not isinstance(header, dict) or header.get("kind") != KIND or not isinstance(header.get("settings"), dict):
        raise AssetError(f"{path}: expected a `{KIND}` checkpoint, found another network's")
    try:
        return tensors, settings_from_table(header["settings"])
    except ConfigurationError as error:
        raise AssetError(f"{path}: {error}") from None


def _read_released(path: Path) -> dict[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = [
            word.strip("`'\".,") for word in str(error).split() if "." in word.strip("`'\".,") and "://" not in word
        ]
        what = f" ({named[0]})" if named else ""
        raise AssetError(
            f"{path}: refused: the file is damaged or names more than tensors{what}; take the authors' net_G_last.pth"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:120]
        raise AssetError(f"{path}: damaged or no PyTorch file ({reason}); copy it again") from None
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise AssetError(f"{path}: expected a state dict of tensors, found another content; take net_G_last.pth")
    # Checkpoints written from several GPUs carry a prefix.
    return {str(name).removeprefix("module."): value.float() for name, value in content.items()}


def _refuse_strangers(path: Path, tensors: dict[str, Tensor]) -> None:
    first = tensors.get("model_layer0.weight")
    if first is None or first.ndim != 4:
        near = min(tensors, default="nothing")
        raise AssetError(
            f"{path}: another network: expected RainNet's `model_layer0.weight`, found `{near}` and {len(tensors)} "
            "entries; give a RainNet generator"
        )
