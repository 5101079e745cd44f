"""From pictures to files: results JSON, IUV, overlays; resume; what can't be read is left out and counted."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from small_model import small_rcnn

from densesynth.cli import run
from densesynth.data.results import read_results
from densesynth.errors import AssetError, DatasetError
from densesynth.evaluation.detect import detections_of, open_predictor
from densesynth.mapping import read_vertex_charts
from densesynth.model.checkpoint import save_model
from densesynth.model.output import ChartMaps, Predictions
from densesynth.predict import (
    find_pictures,
    paste_iuv,
    predict_pictures,
    read_photo,
)
from densesynth.surface.atlas import load_atlas


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a.jpg", "b.png"):
        cv2.imwrite(str(folder / name), rng.integers(0, 255, (60, 80, 3), dtype=np.uint8))
    (folder / "cut.jpg").write_bytes((folder / "a.jpg").read_bytes()[:900])
    (folder / "empty.png").write_bytes(b"")
    return folder


def _left_half(_picture: np.ndarray, _boxes: np.ndarray | None = None) -> Predictions:
    """A planted model: one person in a fixed box, part 2 on the left half, part 9 on the right, U = 0.5, V = 1.2."""
    fine = torch.full((1, 25, 56, 56), -5.0)
    fine[:, 2, :, :28], fine[:, 9, :, 28:] = 5.0, 5.0
    coarse = torch.tensor([-1.0, 1.0])[None, :, None, None].expand(1, 2, 56, 56)
    maps = ChartMaps(coarse=coarse, fine=fine, u=torch.full_like(fine, 0.5), v=torch.full_like(fine, 1.2), scale=2)
    return Predictions(boxes=torch.tensor([[10.9, 5.2, 51.0, 35.9]]), scores=torch.tensor([0.8]), maps=maps)


def test_planted_person_in_every_file(photos: Path, tmp_path: Path) -> None:
    sources = find_pictures(photos)
    out = tmp_path / "out"
    with pytest.warns(UserWarning, match="left out"):
        report = predict_pictures(sources, _left_half, out, about={"model": "planted"})
    assert (report.pictures, report.people, len(report.unreadable)) == (2, 2, 2)
    found = read_results(out / "results.json", {0: (80, 60), 1: (80, 60)})
    assert [d.image_id for d in found] == [0, 1]
    assert found[0].iuv.shape == (3, 30, 40)
    assert found[0].iuv[:, 0, 0].tolist() == [2, 127, 255]
    assert found[0].iuv[0, 0, -1] == 9
    iuv = cv2.cvtColor(cv2.imread(str(out / "iuv" / "a.png")), cv2.COLOR_BGR2RGB)
    assert iuv[5, 10].tolist() == [2, 127, 255]
    assert not iuv[:5].any()
    assert (iuv[..., 0] > 0).sum() == 30 * 40
    assert cv2.imread(str(out / "overlays" / "b.jpg")).shape == (60, 80, 3)

    def never(_picture: np.ndarray, _boxes: np.ndarray | None = None) -> Predictions:
        raise AssertionError("a finished picture is not predicted again")

    with pytest.warns(UserWarning, match="left out"):
        again = predict_pictures(sources, never, out, about={"model": "planted"})
    assert again.people == 2
    with pytest.raises(DatasetError, match="another model"):
        predict_pictures(sources, never, out, about={"model": "other"})


def test_the_surer_person_shows_and_borders_cut() -> None:
    first = detections_of(_left_half(np.zeros((60, 80, 3), np.uint8)), 0)[0]
    iuv = paste_iuv((first,), 20, 30)
    assert (iuv[..., 0] > 0).sum() == 15 * 20


def test_pictures_of_a_json(photos: Path) -> None:
    listed = {"images": [{"id": 41, "file_name": "photos/a.jpg"}], "annotations": []}
    (photos.parent / "set.json").write_text(json.dumps(listed))
    (source,) = find_pictures(photos.parent / "set.json")
    assert (source.image_id, source.name) == (41, "a")
    assert read_photo(source.path).shape == (60, 80, 3)
    for bad in (photos.parent / "nothing", photos / "empty.png"):
        with pytest.raises(AssetError):
            [read_photo(s.path) for s in find_pictures(bad)]


def test_commands_with_a_small_model(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = tmp_path / "model.safetensors"
    save_model(checkpoint, small_rcnn(score_threshold=0.0))
    out = tmp_path / "out"
    assert run(["predict", str(photos), "--model", str(checkpoint), "--out", str(out)]) == 0
    said = capsys.readouterr()
    assert "2 unreadable" in said.out
    assert "cut.jpg" in said.err
    boxes = [{"image_id": 0, "category_id": 1, "bbox": [3, 4, 20, 30], "score": 0.375}]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    single = ["predict", str(photos / "a.jpg"), "--model", str(checkpoint), "--out", str(tmp_path / "given")]
    assert run([*single, "--boxes", str(tmp_path / "boxes.json")]) == 0
    (found,) = read_results(tmp_path / "given" / "results.json", {0: (80, 60)})
    assert found.bbox == pytest.approx((3, 4, 20, 30), abs=1e-4)
    assert found.score == 0.375
    joints = {
        "images": [{"id": 0, "file_name": "a.jpg"}],
        "categories": [{"keypoints": ["nose"]}],
        "annotations": [{"image_id": 0, "bbox": [1, 2, 30, 40], "keypoints": [5, 6, 2]}],
    }
    (photos / "joints.json").write_text(json.dumps(joints))
    capsys.readouterr()
    judged = ["part-at-keypoint", str(photos / "joints.json"), "--model", str(checkpoint), "--given"]
    assert run(judged) == 0
    assert "nose" in capsys.readouterr().out
    assert run(["predict", str(photos), "--model", str(tmp_path / "no.pkl"), "--out", str(out)]) == 2


def test_surface_embeddings_are_read_with_their_mesh(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the mesh a CSE model can't be read as I, U, V; with another mesh it mustn't be."""
    atlas = load_atlas("anny")
    np.savez(tmp_path / "body.npz", vertices=atlas.rest_position, faces=atlas.faces)
    np.savez(tmp_path / "less.npz", vertices=atlas.rest_position[:-1], faces=atlas.faces[:2])
    model = small_rcnn(output="embedding", embedding=4, meshes=(("body", len(atlas.rest_position), 3),))
    assert model.roi_heads.embedder is not None
    embedder = model.roi_heads.embedder.get_submodule("embedder_body")
    generator = torch.Generator().manual_seed(0)
    embedder.get_buffer("features").copy_(torch.randn(embedder.get_buffer("features").shape, generator=generator))
    embedder.get_parameter("embeddings").data.copy_(torch.randn(3, 4, generator=generator))
    save_model(tmp_path / "cse.safetensors", model)
    (tmp_path / "boxes.json").write_text(
        json.dumps([{"image_id": 0, "category_id": 1, "bbox": [3, 4, 40, 50], "score": 0.5}])
    )
    command = ["predict", str(photos / "b.png"), "--model", str(tmp_path / "cse.safetensors"), "--out"]
    command += [str(tmp_path / "out"), "--boxes", str(tmp_path / "boxes.json")]
    assert run(command) == 2
    assert "--cse-mesh" in capsys.readouterr().err
    assert run([*command, "--cse-mesh", str(tmp_path / "less.npz")]) == 2
    assert "embeds the" in capsys.readouterr().err
    assert run([*command, "--cse-mesh", str(tmp_path / "body.npz")]) == 0
    (found,) = read_results(tmp_path / "out" / "results.json", {0: (80, 60)})
    own = open_predictor(tmp_path / "cse.safetensors", charts=read_vertex_charts(tmp_path / "body.npz", "anny", None))
    answer = own(read_photo(photos / "b.png"), np.array([[3, 4, 43, 54]], np.float32))
    (expected,) = detections_of(answer, 0)
    np.testing.assert_array_equal(found.iuv, expected.iuv)
    assert len(np.unique(found.iuv[0])) > 3
