"""RainNet against measured figures of the authors' network, RAIN's laws, and checkpoints refused by name."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from seeded_weights import seeded_array, seeded_image, seeded_state

from densesynth.compose.harmonise.checkpoint import encode_generator, load_generator
from densesynth.compose.harmonise.discriminator import Discriminator, critic_loss, gradient_penalty
from densesynth.compose.harmonise.generator import RainNet, initialise
from densesynth.compose.harmonise.harmoniser import Harmoniser
from densesynth.compose.harmonise.rain import Rain
from densesynth.compose.harmonise.rainnet_settings import RainNetSettings
from densesynth.compose.harmonise.settings import HarmoniseSettings
from densesynth.errors import AssetError, ConfigurationError

REFERENCE = np.load(Path(__file__).parent / "rainnet_seed0.npz")


@pytest.fixture(scope="module")
def seeded() -> RainNet:
    network = RainNet().eval()
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    network.load_state_dict({name: torch.from_numpy(value) for name, value in seeded_state(shapes).items()})
    return network


def test_parameters_are_the_released_ones(seeded: RainNet) -> None:
    expected = dict(zip(REFERENCE["names"].tolist(), map(json.loads, REFERENCE["shapes"].tolist()), strict=True))
    assert {name: list(value.shape) for name, value in seeded.state_dict().items()} == expected


def test_output_is_the_released_network_s(seeded: RainNet) -> None:
    picture = torch.from_numpy(seeded_image(256, 256, 3, 0).astype(np.float32) / 127.5 - 1.0).permute(2, 0, 1)[None]
    mask = torch.from_numpy(REFERENCE["mask"].astype(np.float32))[None, None]
    with torch.no_grad():
        out = seeded.harmonise(picture, mask)[0].numpy()
    expected = REFERENCE["harmonised"]
    assert np.abs(out[:, ::4, ::4] - expected).max() <= 1e-4 * expected.std()
    outside = REFERENCE["mask"] == 0
    assert np.array_equal(out[:, outside], picture[0].numpy()[:, outside])


def test_rain_alone_is_the_released_layer() -> None:
    layer = Rain(8)
    names = ("foreground_gamma", "foreground_beta", "background_gamma", "background_beta")
    state = {name: seeded_array(key, (8,), 0) for name, key in zip(names, ("fg", "fb", "bg", "bb"), strict=True)}
    layer.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 8, 32, 32)).astype(np.float32))
    mask = torch.from_numpy(REFERENCE["mask"].astype(np.float32))[None, None]
    with torch.no_grad():
        out = layer(x, mask).numpy()[:, :, ::4, ::4]
    assert np.abs(out - REFERENCE["rain_out"]).max() <= 1e-5


def test_fresh_rain_gives_the_region_the_surroundings_statistics() -> None:
    x = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1)) * 3.0 + 2.0
    mask = torch.zeros(2, 1, 24, 24)
    mask[:, :, 5:15, 3:20] = 1.0
    x = x + 5.0 * mask
    out = Rain(3)(x, mask).detach()
    inside, outside = mask[0, 0] > 0, mask[0, 0] == 0
    assert torch.allclose(out[..., inside].mean(-1), x[..., outside].mean(-1), atol=1e-3)
    assert torch.allclose(out[..., inside].std(-1), x[..., outside].std(-1), rtol=1e-2)
    assert out[..., outside].mean(-1).abs().max() < 1e-4


@pytest.fixture
def small() -> RainNet:
    network = RainNet(RainNetSettings(ngf=4, blocks=2))
    initialise(network, torch.Generator().manual_seed(0))
    return network.eval()


class _Weaver(RainNet):
    """Answers half the composite's brightness, blurred, with the checkerboard that transposed convolutions leave."""

    def harmonise(self, composite: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        blurred = torch.nn.functional.avg_pool2d(composite, 7, stride=1, padding=3, count_include_pad=False)
        rows, columns = torch.meshgrid(*(torch.arange(side) for side in composite.shape[2:]), indexing="ij")
        woven = 0.5 * (blurred + 1.0) - 1.0 + 0.1 * (1 - 2 * ((rows + columns) % 2))
        return composite + (woven - composite) * mask


def test_full_size_takes_the_networks_colours_and_keeps_the_pictures_detail() -> None:
    settings = HarmoniseSettings(method="rain", checkpoint=Path("x"), full_size=True, max_drift=10.0)
    network = _Weaver(RainNetSettings(ngf=4, blocks=2))
    rng = np.random.default_rng(0)
    for height, width in ((192, 128), (150, 171)):
        rough = cv2.GaussianBlur(rng.uniform(0, 1, (height, width, 3)).astype(np.float32), (0, 0), 1.5)
        picture = np.clip(0.5 + 2.0 * (rough - 0.5), 0.0, 1.0)
        mask = np.zeros((height, width), np.float32)
        mask[30:120, 20:100] = 1.0
        (found,) = Harmoniser(settings, network).apply([picture], [mask])
        assert np.array_equal(found.picture[mask == 0], picture[mask == 0])
        after = found.picture[40:110, 30:90]
        wanted = 0.5 * picture[40:110, 30:90]
        assert np.abs(after.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() < 0.01
        assert np.corrcoef((after - wanted.mean()).ravel(), (wanted - wanted.mean()).ravel())[0, 1] > 0.95
        rows, columns = np.indices(after.shape[:2])
        assert abs((after * (1 - 2 * ((rows + columns) % 2))[..., None]).mean()) < 0.002  # the weave was ±0.05


def test_checkpoints_round_trip(small: RainNet, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "a.safetensors", tmp_path / "net_G_last.pth"
    ours.write_bytes(encode_generator(small))
    torch.save({f"module.{name}": value for name, value in small.state_dict().items()}, theirs)
    for path in (ours, theirs):
        loaded = load_generator(path)
        assert (loaded.settings.ngf, loaded.settings.blocks) == (4, 2)
        assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), small.parameters(), strict=True))


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        import os

        return os.system, ("echo harm > harm.txt",)


def test_other_checkpoints_are_refused(small: RainNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    whole = encode_generator(small)
    state = small.state_dict()
    torch.save({"conv1.weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save({**state, "model_out.1.bias": torch.zeros(4)}, tmp_path / "shape.pth")
    torch.save({**state, "model_out.1.bias": torch.full((3,), torch.nan)}, tmp_path / "nan.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(_Evil()))
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.safetensors").write_bytes(b"hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    said = {
        "other.pth": "conv1.weight", "shape.pth": "model_out.1.bias", "nan.pth": "finite", "list.pth": "state dict",
        "evil.pth": "refused", "cut.safetensors": "damaged", "text.safetensors": "damaged", "empty.pth": "damaged",
        "none.pth": "no such",
    }  # fmt: skip
    for name, words in said.items():
        with pytest.raises(AssetError, match=words) as caught:
            load_generator(tmp_path / name)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "harm.txt").exists()


def test_sides_must_fit(small: RainNet) -> None:
    with pytest.raises(ConfigurationError, match="multiples of 64"):
        small(torch.zeros(1, 3, 96, 64), torch.zeros(1, 1, 96, 64))


def test_critics_learn_to_tell_and_penalty_reaches_their_weights() -> None:
    torch.manual_seed(0)
    critic = Discriminator(ndf=4, layers=5)
    optimiser = torch.optim.Adam(critic.parameters(), 2e-3)
    mask = torch.zeros(2, 1, 128, 128)
    mask[:, :, 30:90, 40:100] = 1.0
    real = torch.rand(2, 3, 128, 128) * 2 - 1
    fake = real * (1 - mask) + mask
    losses = []
    for _ in range(12):
        loss = critic_loss(critic, real, fake, mask)
        optimiser.zero_grad()
        penalty = gradient_penalty(critic, real, fake, mask, torch.full((2, 1, 1, 1), 0.5))
        (loss + 0.1 * penalty).backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - 0.05
    critic.zero_grad()
    gradient_penalty(critic, real, fake, mask, torch.full((2, 1, 1, 1), 0.5)).backward()
    assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in critic.parameters())
