"""The README's two commands are the ones that are run."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def commands() -> list[str]:
    """The README's first two shell lines."""
    lines = (ROOT / "README.md").read_text().splitlines()
    starts = [index for index, line in enumerate(lines) if line.startswith("```sh")]
    block = lines[starts[0] + 1 :]
    return [line for line in block[: block.index("```")] if line and not line.startswith("#")]


def test_readme_opens_with_demo_and_tests() -> None:
    demo, tests = commands()
    assert demo.endswith("densesynth demo")
    assert tests.endswith("tools/check.py")


def test_ci_runs_the_readmes_test_command_word_for_word() -> None:
    assert commands()[1] in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md", "pyproject.toml", ".ci/run"])
def test_no_registry_address_or_path_of_a_machine(path: str) -> None:
    text = (ROOT / path).read_text()
    for forbidden in ("pypi.org", "pythonhosted", "/work/", "/root/", "/home/"):
        assert forbidden not in text
