"""What is built for people to install holds everything that the package reads, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "densesynth"


def find_uv() -> str:
    """`uv run` names itself; else it lies beside Python or on the path."""
    beside = Path(sys.executable).with_name("uv")
    found = os.environ.get("UV") or (str(beside) if beside.exists() else shutil.which("uv"))
    if not found:
        pytest.skip("uv, which builds the wheel, isn't here; `uv run tools/check.py` brings it")
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built without a network, of what uv fetched to install the package for these tests."""
    out = tmp_path_factory.mktemp("wheel")
    command = [find_uv(), "build", "--wheel", "--offline", "--out-dir", str(out), str(ROOT)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if made.returncode and "network was disabled" in made.stderr:
        pytest.skip("uv's cache lacks the build backend")
    assert made.returncode == 0, made.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def files_below(folder: Path) -> dict[str, Path]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path for path in paths}


def test_the_wheel_holds_the_package_and_the_recipes(wheel: zipfile.ZipFile) -> None:
    expected = {f"densesynth/{name}": path for name, path in files_below(PACKAGE).items()}
    expected |= {f"densesynth/recipes/{name}": path for name, path in files_below(ROOT / "recipes").items()}
    names = {name for name in wheel.namelist() if not name.startswith("densesynth-")}
    assert names == expected.keys()
    for name, path in expected.items():
        assert wheel.read(name) == path.read_bytes(), name
    for name in (
        "surface/data/anny.npz", "appearance/data/anny_paint.npz", "appearance/data/anny_shoes.npz",
        "body/data/helpers.npz", "model/data/small.safetensors", "view/data/page.html", "motion/marker_sets.toml",
        "recipes/free.toml", "recipes/training/synthetic-only.toml", "py.typed",
    ):  # fmt: skip
        assert f"densesynth/{name}" in names
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_an_installed_package_finds_its_recipes_and_data(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Unpacked elsewhere, without the clone beside it."""
    wheel.extractall(tmp_path)
    program = (
        "import densesynth; from densesynth.config import load_recipe, recipe_names;"
        "from densesynth.surface.atlas import load_atlas;"
        "[load_recipe(name) for name in recipe_names()]; load_atlas('anny');"
        "print(densesynth.__file__); print(*recipe_names())"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    place, names = made.stdout.splitlines()
    assert Path(place).is_relative_to(tmp_path)
    assert names.split() == sorted(path.stem for path in (ROOT / "recipes").glob("*.toml"))
