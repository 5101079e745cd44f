from __future__ import annotations

import numpy as np
import pytest
import torch

from densesynth.body.anny import AnnyBody, load_anny


@pytest.fixture(scope="session")
def anny_body() -> AnnyBody:
    torch.set_num_threads(1)
    return load_anny()


@pytest.fixture(scope="session")
def adults(anny_body: AnnyBody) -> np.ndarray:
    """Twelve adults, drawn."""
    rng = np.random.default_rng(7)
    return np.stack([anny_body.sample_betas(rng) for _ in range(12)])
