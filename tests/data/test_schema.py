"""The JSON types are a schema: they accept what is written and refuse what isn't."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from densesynth.data.schema import Annotations, Manifest, Record, json_schema, read_json
from densesynth.errors import DatasetError

FILES = [("annotations.json", Annotations), ("manifest.json", Manifest), ("records/000001.json", Record)]


@pytest.mark.parametrize(("name", "kind"), FILES)
def test_files_satisfy_the_standard_schema_too(dataset: Path, name: str, kind: type) -> None:
    jsonschema.validate(json.loads((dataset / name).read_text()), json_schema(kind))


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.pop("bbox"),
        lambda a: a.update(extra=1),
        lambda a: a.update(bbox=[0, 1, 2]),
        lambda a: a.update(area=0),
        lambda a: a.update(category_id=2),
        lambda a: a.update(keypoints=[0] * 50),
        lambda a: a.update(dp_I=[0.0]),
        lambda a: a.update(dp_I=[25.0]),
        lambda a: a.update(dp_U=[1.01]),
        lambda a: a.update(dp_x=[256.0]),
        lambda a: a.update(dp_V=[None]),
        lambda a: a.update(dp_masks=[[]] * 13),
        lambda a: a["dp_masks"].__setitem__(0, [1]),
        lambda a: a.update(segmentation={"size": [1], "counts": ""}),
        lambda a: a.update(dp_vertex=[-1]),
        lambda a: a["densesynth"].update(occluded=1.5),
    ],
)
def test_a_broken_annotation_is_refused_with_its_place(dataset: Path, change: Callable[[dict], None]) -> None:
    path = dataset / "records" / "000001.json"
    content = json.loads(path.read_text())
    change(content["annotations"][1])
    path.write_text(json.dumps(content))
    with pytest.raises(
        DatasetError, match=r"000001\.json: breaks the format of Record: .*annotations\[1\]|annotations\[...\]"
    ):
        read_json(path, Record)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, json_schema(Record))


def test_pictures_are_worn_by_parts_of_the_body(dataset: Path) -> None:
    path = dataset / "records" / "000001.json"
    content = json.loads(path.read_text())
    content["wears"] = [{"instance": 1, "pictures": {"head": "a.png"}}]
    path.write_text(json.dumps(content))
    jsonschema.validate(content, json_schema(Record))
    assert read_json(path, Record).wears[0].pictures == {"head": "a.png"}
    content["wears"][0]["pictures"]["tail"] = "a.png"
    path.write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"breaks the format of Record: .*'tail'"):
        read_json(path, Record)
