"""Publishing: versions, cards, checksums, and what a reader sees when the publisher dies."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from training.export import repository
from training.export.folders import reveal, stage
from training.export.model import ANY, ServedModel, TensorSpec
from training.export.repository import publish, read_card, released_in_steps, versions
from training.files import FolderInUseError
from training.release.publish import publish as release_publish
from training.release.store import Store


def model(name: str = "tiny", onnx: bytes = b"graph", outputs: int = 1) -> ServedModel:
    return ServedModel(
        name=name,
        contract="generator",
        onnx=onnx,
        inputs=(TensorSpec("z", "FP32", (8,)),),
        outputs=tuple(TensorSpec(f"out_{i}", "UINT8", (16, 16, 3)) for i in range(outputs)),
        instances=2,
    )


def config(folder: Path) -> ModelConfig:
    parsed: ModelConfig = text_format.Parse((folder / "config.pbtxt").read_text(), ModelConfig())
    return parsed


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_release_is_one_version_of_all_its_models(tmp_path: Path) -> None:
    publish(tmp_path, [(model("a"), {})])
    published = publish(tmp_path, [(model("a"), {}), (model("b"), {})])
    assert published == {"a": tmp_path / "a" / "2", "b": tmp_path / "b" / "2"}
    assert versions(tmp_path / "a") == [1, 2]
    assert versions(tmp_path / "b") == [2]
    assert versions(tmp_path / "missing") == []


def test_a_second_file_is_published_and_told_of(tmp_path: Path) -> None:
    accelerated = replace(model(onnx=b"plain"), native=b"native")
    folder = publish(tmp_path, [(accelerated, {})])["tiny"]
    assert (folder / "model.onnx").read_bytes() == b"plain"
    assert (folder / "model.native.onnx").read_bytes() == b"native"
    told = read_card(tmp_path / "tiny", 1)["files"]
    assert {name: file["bytes"] for name, file in told.items()} == {
        "model.onnx": 5,
        "model.native.onnx": 6,
    }
    assert told["model.native.onnx"]["sha256"] == hashlib.sha256(b"native").hexdigest()
    assert config(tmp_path / "tiny").parameters["native_convolutions"].string_value == "1"
    publish(tmp_path, [(model(), {})])
    assert "native_convolutions" not in config(tmp_path / "tiny").parameters


def test_an_old_version_is_never_touched(tmp_path: Path) -> None:
    publish(tmp_path, [(model(onnx=b"old"), {"description": "first"})])
    before = read_card(tmp_path / "tiny", 1)
    publish(tmp_path, [(model(onnx=b"new"), {"description": "second"})])
    assert (tmp_path / "tiny" / "1" / "model.onnx").read_bytes() == b"old"
    assert (tmp_path / "tiny" / "2" / "model.onnx").read_bytes() == b"new"
    assert read_card(tmp_path / "tiny", 1) == before


def test_the_card_tells_the_files_truly(tmp_path: Path) -> None:
    folder = publish(tmp_path, [(model(), {"kind": "stylegan2", "resolution": 16})])["tiny"]
    card = read_card(tmp_path / "tiny", 1)
    content = (folder / "model.onnx").read_bytes()
    assert card["files"] == {
        "model.onnx": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    }
    assert (card["name"], card["version"], card["contract"]) == ("tiny", 1, "generator")
    assert (card["kind"], card["resolution"]) == ("stylegan2", 16)


def test_triton_can_read_the_configuration(tmp_path: Path) -> None:
    story: dict[str, Any] = {"description": 'a "quoted" \\ name,\nin two lines: \u0142'}
    publish(tmp_path, [(model(outputs=2), story)])
    publish(tmp_path, [(model(outputs=2), story)])
    read = config(tmp_path / "tiny")
    assert (read.name, read.backend, read.max_batch_size) == ("tiny", "onnxruntime", 64)
    assert read.default_model_filename == "model.onnx"
    assert [(t.name, list(t.dims)) for t in read.input] == [("z", [8])]
    assert [(t.name, list(t.dims)) for t in read.output] == [
        ("out_0", [16, 16, 3]),
        ("out_1", [16, 16, 3]),
    ]
    assert read.instance_group[0].count == 2
    assert read.version_policy.latest.num_versions == 1
    assert read.HasField("dynamic_batching")
    assert read.dynamic_batching.max_queue_delay_microseconds == 0
    for version in (1, 2):
        told = json.loads(read.parameters[f"model_card_{version}"].string_value)
        assert told == read_card(tmp_path / "tiny", version)
        assert told["description"] == story["description"]


def test_a_released_model_serves_what_it_served(tmp_path: Path) -> None:
    release = [(model("tiny"), {}), (model("tiny_mapping"), {})]
    publish(tmp_path / "candidate", release)
    release_publish(Store(tmp_path / "candidate"), Store(tmp_path / "models"), "tiny")
    folders = [tmp_path / "models" / name for name in ("tiny", "tiny_mapping", "tiny_traffic")]
    before = [(folder / "config.pbtxt").read_bytes() for folder in folders]
    assert released_in_steps(folders[0]) and list(
        config(folders[0]).version_policy.specific.versions
    )
    publish(tmp_path / "models", release)
    assert [(folder / "config.pbtxt").read_bytes() for folder in folders] == before
    assert versions(folders[0]) == versions(folders[1]) == [1, 2]


def test_a_version_policy_of_an_operator_stays(tmp_path: Path) -> None:
    publish(tmp_path, [(model(), {})])
    file = tmp_path / "tiny" / "config.pbtxt"
    file.write_text(file.read_text().replace("{ latest { num_versions: 1 } }", ": { all: { } }"))
    publish(tmp_path, [(model(), {})])
    assert config(tmp_path / "tiny").version_policy.HasField("all")
    assert "model_card_2" in config(tmp_path / "tiny").parameters
    assert not released_in_steps(tmp_path / "tiny")


def test_triton_joins_nothing_where_requests_choose_the_size(tmp_path: Path) -> None:
    any_size = TensorSpec("image", "UINT8", (ANY, ANY, 3))
    publish(tmp_path, [(replace(model(), inputs=(any_size,)), {})])
    assert not config(tmp_path / "tiny").HasField("dynamic_batching")


def test_a_crash_before_the_rename_leaves_nothing_visible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [(model(), {})])
    before = {name: (tmp_path / name).read_bytes() for name in tree(tmp_path)}

    def die(path: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", die)
        with pytest.raises(KeyboardInterrupt):
            publish(tmp_path, [(model(onnx=b"new"), {})])
    assert versions(tmp_path / "tiny") == [1]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before

    publish(tmp_path, [(model(onnx=b"new"), {})])
    assert versions(tmp_path / "tiny") == [1, 2]
    assert [p.name for p in (tmp_path / "tiny").iterdir() if p.name.startswith(".")] == []


def test_the_next_publication_mends_a_crash_between_the_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [(model(), {})])
    with monkeypatch.context() as patch:
        patch.setattr(repository, "render", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish(tmp_path, [(model(), {})])
    assert "model_card_2" not in config(tmp_path / "tiny").parameters
    publish(tmp_path, [(model(), {})])
    read = config(tmp_path / "tiny")
    assert {f"model_card_{version}" for version in (1, 2, 3)} <= set(read.parameters)


def test_two_publishers_do_not_meet(tmp_path: Path) -> None:
    publish(tmp_path, [(model(onnx=b"first"), {})])
    folder, target = tmp_path / "tiny", Store(tmp_path)
    publish(tmp_path / "candidate", [(model(), {})])
    with target.publishing(["tiny"]):
        card = (folder / "1" / "model_card.json").read_bytes()
        theirs = [
            stage(folder, 2, {"model.onnx": content, "model_card.json": card})
            for content in (b"theirs", b"another")
        ]
        for attempt in (
            lambda: publish(tmp_path, [(model("a"), {}), (model(), {})]),
            lambda: release_publish(Store(tmp_path / "candidate"), target, "tiny"),
        ):
            with pytest.raises(FolderInUseError, match="tiny is being written by process"):
                attempt()
        assert [(each / "model.onnx").read_bytes() for each in theirs] == [b"theirs", b"another"]
        assert reveal(theirs[0]) == folder / "2"
    assert (folder / "2" / "model.onnx").read_bytes() == b"theirs"
    assert not (tmp_path / "a").exists()
    publish(tmp_path, [(model(), {})])
    assert versions(folder) == [1, 2, 3]
    assert not theirs[1].exists()  # whoever staged it holds no lock: gone


def test_a_version_that_another_publisher_took_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, [(model(onnx=b"theirs"), {})])
    monkeypatch.setattr(repository, "versions", lambda _: [])  # read before they published
    with pytest.raises(OSError, match="not empty"):
        publish(tmp_path, [(model(onnx=b"ours"), {})])
    assert (tmp_path / "tiny" / "1" / "model.onnx").read_bytes() == b"theirs"
