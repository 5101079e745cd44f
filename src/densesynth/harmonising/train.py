"""Train a harmonisation network from pairs, and measure it against doing nothing and the cheap ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Float
from rich.console import Console
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from densesynth.allocator import keep_freed_memory
from densesynth.compose.harmonise.checkpoint import encode_generator
from densesynth.compose.harmonise.discriminator import Discriminator, critic_loss, gradient_penalty
from densesynth.compose.harmonise.generator import RainNet, initialise
from densesynth.compose.harmonise.transfer import match_band, transfer_reinhard
from densesynth.data.files import make_folder, write_bytes
from densesynth.errors import AssetError, DatasetError, DeviceError
from densesynth.harmonising.pairs import Pair, PairFiles, gather_pairs, read_pair
from densesynth.harmonising.settings import TrainSettings
from densesynth.progress import frames_bar

GENERATOR, STATE, SETTINGS, CURVES = (
    "generator.safetensors", "state.safetensors", "settings.json", "curves"
)  # fmt: skip
HELD_OUT = 10  # every tenth pair is kept for measuring


class Trainer:
    """Networks and optimisers at one step. Every step is a function of (settings, seed, step, state before it)."""

    def __init__(self, settings: TrainSettings, seed: int, device: str = "cpu") -> None:
        self.settings, self.seed, self.device, self.step = settings, seed, device, 0
        generator = torch.Generator().manual_seed(seed)
        self.network = RainNet(settings.network)
        initialise(self.network, generator)
        self.critic: Discriminator | None = None
        if settings.has_critics:
            torch.manual_seed(seed)  # spectral normalisation starts from random vectors
            self.critic = Discriminator(settings.ndf, layers=int(np.log2(settings.size)) - 2)
            initialise(self.critic, generator)
            self.critic.to(device)
        self.network.to(device)
        self.optimisers = {"generator": torch.optim.Adam(self.network.parameters(), settings.rate, settings.betas)}
        if self.critic is not None:
            self.optimisers["critic"] = torch.optim.Adam(self.critic.parameters(), settings.rate, settings.betas)

    def learn(self, pairs: list[Pair], rate: float) -> dict[str, float]:
        """One step; answers the losses by name."""
        s = self.settings
        torch.manual_seed(int(np.random.SeedSequence([self.seed, self.step]).generate_state(1)[0]))
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        real, composite, mask = to_batch(pairs, self.device)
        fake = self.network.harmonise(composite, mask)
        losses: dict[str, float] = {}
        if self.critic is not None:
            critic = self.critic.requires_grad_(True)
            hinge = critic_loss(critic, real, fake.detach(), mask)
            share = torch.rand(len(pairs), 1, 1, 1).to(self.device)
            penalty = gradient_penalty(critic, real, fake.detach(), mask, share)
            self.optimisers["critic"].zero_grad()
            (hinge + s.penalty * penalty).backward()
            self.optimisers["critic"].step()
            critic.requires_grad_(False)
            losses |= {"critic": float(hinge.detach()), "penalty": float(penalty.detach())}
        difference = F.l1_loss(fake, real)
        loss = s.l1 * difference
        if self.critic is not None:
            whole, part = self.critic(fake, mask)
            loss = loss - s.adversarial * whole.mean() - s.verification * part.mean()
            losses |= {"whole": float(whole.detach().mean()), "part": float(part.detach().mean())}
        self.optimisers["generator"].zero_grad()
        loss.backward()
        self.optimisers["generator"].step()
        self.step += 1
        return {"l1": float(difference.detach()), **losses}

    def state(self) -> bytes:
        """Everything that the next step depends on, as a safetensors file."""
        tensors = {f"generator.{name}": value for name, value in self.network.state_dict().items()}
        if self.critic is not None:
            tensors |= {f"critic.{name}": value for name, value in self.critic.state_dict().items()}
        for kind, optimiser in self.optimisers.items():
            for index, values in optimiser.state_dict()["state"].items():
                tensors |= {f"adam.{kind}.{index}.{name}": value for name, value in values.items()}
        plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        return safetensors.torch.save(plain, {"step": str(self.step)})

    def restore(self, path: Path) -> None:
        """Take up a state written by `state`. Raises DatasetError when the file is damaged or of another network."""
        try:
            with safetensors.safe_open(path, "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
                self.step = int(file.metadata()["step"])
            self.network.load_state_dict(_below("generator.", tensors))
            if self.critic is not None:
                self.critic.load_state_dict(_below("critic.", tensors))
        except (safetensors.SafetensorError, OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise DatasetError(
                f"{path}: damaged ({str(error).splitlines()[0]}); delete the folder, start anew"
            ) from None
        for kind, optimiser in self.optimisers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for name, value in _below(f"adam.{kind}.", tensors).items():
                index, _, key = name.partition(".")
                state.setdefault(int(index), {})[key] = value
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def to_batch(
    pairs: list[Pair], device: str
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"], Float[Tensor, "b 1 h w"]]:
    """Pairs → real, composite in [-1, 1], and masks."""

    def stack(arrays: list[Any]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(device)

    real = stack([pair.real for pair in pairs]).permute(0, 3, 1, 2) * 2.0 - 1.0
    composite = stack([pair.composite for pair in pairs]).permute(0, 3, 1, 2) * 2.0 - 1.0
    return real.contiguous(), composite.contiguous(), stack([pair.mask for pair in pairs])[:, None]


def split_pairs(files: tuple[PairFiles, ...]) -> tuple[tuple[PairFiles, ...], tuple[PairFiles, ...]]:
    """Pairs to learn from, and every tenth held out."""
    held = files[HELD_OUT - 1 :: HELD_OUT]
    return tuple(item for k, item in enumerate(files) if k % HELD_OUT != HELD_OUT - 1), held


def _epoch(
    files: tuple[PairFiles, ...], settings: TrainSettings, seed: int, epoch: int, first: int
) -> Iterator[list[Pair]]:
    """The batches of an epoch from batch `first` on; a function of (settings, seed, epoch)."""
    order = np.random.default_rng([seed, 0, epoch]).permutation(len(files))
    steps = steps_of_epoch(len(files), settings)
    for step in range(first, steps):
        rows = order[step * settings.batch : (step + 1) * settings.batch]
        streams = [np.random.default_rng([seed, 1, epoch, int(k)]) for k in rows]
        pairs = [
            read_pair(files[k], settings.size, settings.perturbing, rng) for k, rng in zip(rows, streams, strict=True)
        ]
        yield [pair for pair in pairs if pair is not None]


def steps_of_epoch(count: int, settings: TrainSettings) -> int:
    return -(-count // settings.batch)


def rate_at(epoch: int, settings: TrainSettings) -> float:
    """Constant, then falling in a line to 0, as the released schedule does."""
    return settings.rate * (1.0 - max(0, epoch + 1 - settings.epochs) / (settings.decay_epochs + 1))


def train(
    folders: tuple[Path, ...],
    out: Path,
    settings: TrainSettings,
    *,
    seed: int = 0,
    device: str = "cpu",
    progress: bool = False,
    stop_after: int | None = None,
) -> Path:
    """Train, or go on where an earlier call of the same run stopped; answers the generator's checkpoint.

    stop_after: stop after that many steps of the whole run, for trials. Raises DensesynthError on a user's mistake.
    """
    require_device(device)
    if device == "cpu":
        keep_freed_memory()
    files, held = split_pairs(gather_pairs(folders))
    if not held:
        raise AssetError(f"{folders[0]}: {len(files)} pairs; at least {HELD_OUT} are needed")
    told = {"seed": seed, "pairs": len(files), "folders": [str(f) for f in folders], **asdict(settings)}
    _open_run(out, told)
    trainer = Trainer(settings, seed, device)
    if (out / STATE).exists():
        trainer.restore(out / STATE)
    console = Console(stderr=True, quiet=not progress, soft_wrap=True, highlight=False)
    steps = steps_of_epoch(len(files), settings)
    epochs = settings.epochs + settings.decay_epochs
    last = epochs * steps if stop_after is None else min(stop_after, epochs * steps)
    console.print(f"{len(files)} pairs, {len(held)} held out, {epochs} epochs of {steps} steps on {device}")
    if trainer.step:
        console.print(f"{out}: going on after {trainer.step} steps")
    with SummaryWriter(str(out / CURVES), purge_step=trainer.step) as curves, frames_bar(console, "steps") as advance:
        while trainer.step < last:
            epoch, first = divmod(trainer.step, steps)
            for pairs in _epoch(files, settings, seed, epoch, first):
                if pairs:
                    for name, value in trainer.learn(pairs, rate_at(epoch, settings)).items():
                        curves.add_scalar(name, value, trainer.step)
                else:
                    trainer.step += 1
                advance(trainer.step, last)
                if trainer.step % settings.save_every == 0 or trainer.step == last:
                    _save(out, trainer)
                if trainer.step >= last:
                    break
    return out / GENERATOR


def require_device(name: str) -> None:
    """Raise DeviceError when a GPU is asked for and there is none: nothing falls back to the CPU unseen."""
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceError("device 'cuda': no CUDA device was found; use --device cpu")


def _open_run(out: Path, told: dict[str, Any]) -> None:
    content = (json.dumps(told, indent=2, sort_keys=True) + "\n").encode()
    if (out / SETTINGS).exists():
        if (out / SETTINGS).read_bytes() != content:
            raise DatasetError(f"{out}: holds a run with other settings; choose another --out or delete it")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(f"{out}: holds other files; choose a new --out")
    make_folder(out)
    write_bytes(out / SETTINGS, content)


def _save(out: Path, trainer: Trainer) -> None:
    write_bytes(out / GENERATOR, encode_generator(trainer.network))
    write_bytes(out / STATE, trainer.state())


def measure(
    network: RainNet, files: tuple[PairFiles, ...], settings: TrainSettings, *, seed: int = 0
) -> dict[str, float]:
    """Mean masked PSNR (dB) over pairs: of the composite, both cheap ways, and the network."""
    if not files:
        raise AssetError(f"no held-out pairs: at least {HELD_OUT} pairs are needed")
    network.eval()
    device = str(next(network.parameters()).device)
    found: dict[str, list[float]] = {"nothing": [], "reinhard": [], "histogram": [], "rain": []}
    for k, item in enumerate(files):
        pair = read_pair(item, settings.size, settings.perturbing, np.random.default_rng([seed, 2, k]))
        if pair is None:
            continue
        _, composite, mask = to_batch([pair], device)
        with torch.no_grad():
            restored = (network.harmonise(composite, mask)[0].permute(1, 2, 0).cpu().numpy() + 1.0) / 2.0
        results = {
            "nothing": pair.composite,
            "reinhard": transfer_reinhard(pair.composite, pair.mask),
            "histogram": match_band(pair.composite, pair.mask),
            "rain": restored,
        }
        for name, picture in results.items():
            found[name].append(masked_psnr(picture, pair.real, pair.mask))
    return {name: float(np.mean(values)) for name, values in found.items()}


def masked_psnr(picture: Any, real: Any, mask: Any) -> float:
    """Peak signal to noise over the region's pixels, dB; sRGB in [0, 1]."""
    error = float(((picture - real)[mask > 0.5] ** 2).mean())
    return float(-10.0 * np.log10(max(error, 1e-10)))
