"""Reading `.mhclo`: what files say, and one clear line for each that can't be used."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from densesynth.appearance.mhclo import place_garment, read_mhclo
from densesynth.errors import AssetError

KNOWN = np.ones(100, bool)
KNOWN[90:] = False
HEAD = (
    "# a comment\nbasemesh hm08\nname thing\nobj_file thing.obj\ntag Male\nx_scale 0 1 2.0\nverts 0\n"
    "material thing.mhmat\n"
)
ROWS = "0\n 1 2 3 0.5 0.25 0.25 0.1 0.2 0.3\n3\n2\n"
MESH = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\nf 1/1 2/2 3/3 4/4\n"


def write(folder: Path, text: str = HEAD + ROWS + "delete_verts\n4 - 6 9\n", mesh: str | None = MESH) -> Path:
    (folder / "thing.mhclo").write_text(text)
    if mesh is not None:
        (folder / "thing.obj").write_text(mesh)
    return folder / "thing.mhclo"


def test_files_are_read_and_placed(tmp_path: Path) -> None:
    garment = read_mhclo(write(tmp_path), KNOWN)
    assert garment.name == "thing"
    assert garment.tags == {"male"}
    assert garment.faces.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert garment.uv[1].tolist() == [[0, 0], [1, 1], [0, 1]]
    assert np.flatnonzero(garment.hidden).tolist() == [4, 5, 6, 9]
    assert garment.material.colour is None
    assert [path.name for path, _ in garment.files] == ["thing.mhclo", "thing.obj"]
    base = np.zeros((100, 3))
    base[:4] = [[0, 0, 0], [3, 0, 0], [3, 0, 1], [3, 4, 0]]
    placed = place_garment(garment, base)
    assert np.allclose(placed[0], base[0])
    # x scales by 3 / 2; y and z of the file have no scale: decimetres, up and forwards.
    assert np.allclose(placed[1], [3.0 + 0.15, 1.0 - 0.03, 0.25 + 0.02])


def test_a_material_gives_colour_and_texture(tmp_path: Path) -> None:
    path = write(tmp_path)
    (tmp_path / "thing.mhmat").write_text("name x\ndiffuseColor 0.5 0.25 1.5\ndiffuseTexture thing.png\n")
    with pytest.raises(AssetError, match=r"texture thing\.png isn't there"):
        read_mhclo(path, KNOWN)
    cv2.imwrite(str(tmp_path / "thing.png"), np.full((4, 4, 3), (10, 20, 30), np.uint8))
    material = read_mhclo(path, KNOWN).material
    assert material.colour == (0.5, 0.25, 1.0)
    assert material.texture is not None
    assert material.texture[0, 0].tolist() == [30, 20, 10]
    (tmp_path / "thing.png").write_bytes(b"no picture")
    with pytest.raises(AssetError, match="expected an 8-bit picture"):
        read_mhclo(path, KNOWN)


@pytest.mark.parametrize(
    ("text", "mesh", "told"),
    [
        (HEAD.replace("hm08", "alpha7") + ROWS, MESH, "base mesh hm08, found alpha7"),
        (HEAD.replace("basemesh hm08\n", "") + ROWS, MESH, "no base mesh named"),
        (HEAD + ROWS, None, r"thing\.obj isn't there"),
        (HEAD + ROWS.replace("3\n2\n", "3\n100\n"), MESH, "vertex 100 of the base mesh; hm08 has 0 to 99"),
        (HEAD + ROWS.replace("3\n2\n", "3\n95\n"), MESH, "vertex 95 of the base mesh, which stands for a joint"),
        (HEAD + ROWS.replace("0.25 0.1", "x 0.1"), MESH, "line 10 can't be read as MHCLO"),
        (HEAD + ROWS.replace("0.25 0.1", "nan 0.1"), MESH, "line 10 can't be read as MHCLO"),
        (HEAD + "0\n1\n", MESH, r"places 2 vertices, thing\.obj has 4"),
        (HEAD, MESH, "found none"),
        (HEAD.replace("2.0", "-2.0") + ROWS, MESH, "length isn't positive"),
        (HEAD + ROWS, MESH.replace("3/3 4/4", "3/3 9/4"), "names a vertex or texture coordinate"),
        (HEAD + ROWS, MESH.replace("f 1/1", "f a/1"), r"thing\.obj: line 9 can't be read as OBJ"),
        (HEAD + ROWS, MESH.split("f ")[0], "0 faces"),
        ("\0\0binary", MESH, "found a binary one"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_of_in_one_line(
    tmp_path: Path, text: str, mesh: str | None, told: str
) -> None:
    with pytest.raises(AssetError, match=told) as raised:
        read_mhclo(write(tmp_path, text, mesh), KNOWN)
    assert "\n" not in str(raised.value)
    assert "thing." in str(raised.value)
