"""`densesynth harmonise train | apply | check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console
from rich.table import Table

from densesynth.cli.command import Command
from densesynth.harmonising.settings import TrainSettings
from densesynth.progress import frames_bar


@dataclass(frozen=True, kw_only=True)
class HarmoniseTrain:
    """Train a harmonisation network (RainNet); run the same command again to continue one that was interrupted.

    The defaults are the published ones, for a GPU. On a CPU, in two to three minutes: densesynth harmonise train people
    --out rain --size 128 --batch 8 --epochs 6 --decay-epochs 3 --rate 1e-3 --adversarial 0 --verification 0
    --network.ngf 16 --network.blocks 3
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Datasets of densesynth, iHarmony4, or pictures with masks/NAME.png."""
    out: Path
    """Folder for checkpoints, curves (TensorBoard) and settings."""
    seed: int = 0
    """The run is a function of pairs, settings and seed."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where to train."""
    settings: Annotated[TrainSettings, tyro.conf.arg(name="")] = field(default_factory=TrainSettings)


@dataclass(frozen=True, kw_only=True)
class HarmoniseApply:
    """Harmonise a region of your own pictures with what surrounds it.

    Example: densesynth harmonise apply pasted.jpg --mask pasted_mask.png --checkpoint net_G_last.pth --out harmonised
    """

    picture: tyro.conf.Positional[Path]
    """A picture, or a folder: a dataset of densesynth, iHarmony4, or pictures with masks/NAME.png."""
    out: Path
    """Folder for the harmonised pictures (PNG)."""
    mask: Path | None = None
    """The region's mask, white inside, of the picture's size; of one picture."""
    method: Literal["rain", "reinhard", "histogram"] = "rain"
    """rain needs a checkpoint; reinhard and histogram need nothing."""
    checkpoint: Path | None = None
    """A generator of `harmonise train`, or the RainNet authors' net_G_last.pth."""
    estimate_size: int = 256
    """Side at which the network looks at a picture; the side it was trained at serves best."""
    full_size: bool = False
    """Let the network look at the picture's own size: colours follow its answer more closely, and it costs more."""
    max_drift: float = 0.5
    """A picture whose edges or texture would move by more (pixels on average) is written as it was."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network runs."""


@dataclass(frozen=True, kw_only=True)
class HarmoniseCheck:
    """Measure a network on held-out pairs: masked PSNR against doing nothing and the cheap ways.

    Example: densesynth harmonise check others --every --checkpoint rain/generator.safetensors --size 128
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders as for training. Every tenth pair, which training from them holds out, is measured; or, with --every,
    all of them."""
    checkpoint: Path
    """The generator."""
    every: bool = False
    """Measure every pair: for folders that nothing was trained from."""
    size: int = 256
    """Side of the pictures, pixels."""
    seed: int = 0
    """Of the perturbations."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the network runs."""


def train(command: HarmoniseTrain) -> int:
    from densesynth.harmonising.train import train

    path = train(
        command.folders, command.out, command.settings, seed=command.seed, device=command.device, progress=True
    )
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"Generator: {path}. Measure it with `densesynth harmonise check`.", markup=False)
    return 0


def apply(command: HarmoniseApply) -> int:
    from densesynth.compose.harmonise.harmoniser import open_harmoniser
    from densesynth.compose.harmonise.settings import HarmoniseSettings
    from densesynth.errors import ConfigurationError
    from densesynth.harmonising.pictures import find_inputs, harmonise_pictures
    from densesynth.harmonising.train import require_device

    require_device(command.device)
    try:
        settings = HarmoniseSettings(
            method=command.method,
            checkpoint=command.checkpoint,
            estimate_size=command.estimate_size,
            full_size=command.full_size,
            max_drift=command.max_drift,
            batch=1 if command.full_size else None,  # pictures of any size may be large
        )
    except ValueError as error:
        raise ConfigurationError(f"command line: {error}") from None
    harmoniser = open_harmoniser(settings, command.device)
    assert harmoniser is not None
    inputs = find_inputs(command.picture, command.mask)
    with frames_bar(Console(stderr=True), "pictures") as advance_to:
        written = harmonise_pictures(inputs, command.out, harmoniser, advance_to)
    worst = max(written, key=lambda item: item.drift.worst)
    kept = [item for item in written if not item.rejected]
    Console(soft_wrap=True, highlight=False).print(
        f"{len(kept)} harmonised in {command.out}, {len(written) - len(kept)} rejected and left as they were; "
        f"largest drift {worst.drift.worst:.3f} px ({worst.path.name})",
        markup=False,
    )
    return 0


def check(command: HarmoniseCheck) -> int:
    from densesynth.compose.harmonise.checkpoint import load_generator
    from densesynth.harmonising.pairs import gather_pairs
    from densesynth.harmonising.train import measure, require_device, split_pairs

    require_device(command.device)
    network = load_generator(command.checkpoint, command.device)
    settings = TrainSettings(size=command.size, adversarial=0.0, verification=0.0, network=network.settings)
    pairs = gather_pairs(command.folders)
    held = pairs if command.every else split_pairs(pairs)[1]
    figures = measure(network, held, settings, seed=command.seed)
    table = Table("", "masked PSNR, dB", title=f"{len(held)} held-out pairs at {command.size} px")
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}")
    Console().print(table)
    return 0


COMMANDS = (
    Command(name="harmonise train", options=HarmoniseTrain, run=train),
    Command(name="harmonise apply", options=HarmoniseApply, run=apply),
    Command(name="harmonise check", options=HarmoniseCheck, run=check),
)
