import numpy as np
import pytest

from densesynth.surface.parts import COARSE_MIRROR, COARSE_NAMES, FINE_MIRROR, FINE_NAMES, FINE_TO_COARSE


def test_tables_have_a_row_for_every_id() -> None:
    assert FINE_TO_COARSE.shape == FINE_MIRROR.shape == (25,)
    assert len(FINE_NAMES) == 25
    assert COARSE_MIRROR.shape == (15,)
    assert len(COARSE_NAMES) == 15
    assert set(FINE_TO_COARSE.tolist()) == set(range(15))


def test_mirrors_are_their_own_inverse_and_agree() -> None:
    assert (FINE_MIRROR[FINE_MIRROR] == np.arange(25)).all()
    assert (COARSE_MIRROR[COARSE_MIRROR] == np.arange(15)).all()
    assert (COARSE_MIRROR[FINE_TO_COARSE] == FINE_TO_COARSE[FINE_MIRROR]).all()


def test_names_agree_with_the_tables() -> None:
    swap = {"left": "right", "right": "left"}
    for part in range(1, 25):
        side, _, rest = FINE_NAMES[part].partition(" ")
        assert FINE_NAMES[FINE_MIRROR[part]] == f"{swap.get(side, side)} {rest}"
        assert FINE_NAMES[part].startswith(COARSE_NAMES[FINE_TO_COARSE[part]]) or part in (23, 24)


def test_tables_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        FINE_TO_COARSE[1] = 7
