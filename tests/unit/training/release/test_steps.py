"""A release, step by step: what is written, and what Triton is told."""

from pathlib import Path

import pytest

from tests.unit.training.release.material import IMAGE, Recorder, Z, cards, export, served
from training.export.model import TensorSpec
from training.export.repository import publish as publish_export
from training.release.actions import canary, load, promote, rollback
from training.release.config import read_config
from training.release.errors import ReleaseError
from training.release.history import history
from training.release.publish import publish
from training.release.store import Store
from training.release.traffic import Traffic, read_traffic

NAMES = ("stylegan", "stylegan_mapping")


@pytest.fixture
def candidate(tmp_path):
    """A repository with one exported version, as `anime-gan export --models` leaves it."""
    return Store(export(tmp_path / "candidate", b"first"))


def another(store: Store, content: bytes) -> Store:
    export(Path(store.url), content)
    return store


def serving(store: Store, name: str) -> list[int]:
    return list(read_config(store, name).version_policy.specific.versions)


def pointed_at(store: Store) -> int:
    return read_config(store, "stylegan_traffic").ensemble_scheduling.step[0].model_version


def test_the_first_release_is_stable(target, candidate):
    entry = publish(candidate, target, "stylegan", "hello")
    assert (entry.version, entry.traffic) == (1, Traffic(stable=1))
    assert [serving(target, name) for name in NAMES] == [[1], [1]]
    assert pointed_at(target) == 1
    assert read_config(target, "stylegan").parameters["traffic_pointer"].string_value == (
        "stylegan_traffic"
    )
    assert "traffic_pointer" not in read_config(target, "stylegan_mapping").parameters


def test_a_release_from_publication_to_rollback(target, candidate):
    tritons = Recorder()
    publish(candidate, target, "stylegan")
    load(target, tritons, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    assert read_traffic(target, "stylegan") == Traffic(1, candidate=2)
    assert [serving(target, name) for name in NAMES] == [[1, 2], [1, 2]]
    assert sorted(cards(read_config(target, "stylegan"))) == ["1", "2"]
    load(target, tritons, "stylegan")
    assert tritons.told[-2:] == [
        ("load", *NAMES, "stylegan_traffic"),
        ("check", *NAMES, "2"),
    ]
    assert canary(target, tritons, "stylegan", 0.25).traffic == Traffic(1, 2, 0.25)
    assert pointed_at(target) == 1
    assert promote(target, tritons, "stylegan").traffic == Traffic(2, previous=1)
    assert pointed_at(target) == 2
    assert tritons.told[-1] == ("load", "stylegan_traffic")
    assert rollback(target, tritons, "stylegan").traffic == Traffic(1)
    assert pointed_at(target) == 1
    actions = [(entry.action, entry.version) for entry in history(target, "stylegan")]
    assert actions == [
        ("publish", 1),
        ("load", 1),
        ("publish", 2),
        ("load", 2),
        ("canary", 2),
        ("promote", 2),
        ("rollback", 1),
    ]


def test_a_rollback_tells_triton_of_the_pointer_alone(target, candidate):
    tritons = Recorder()
    publish(candidate, target, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    canary(target, tritons, "stylegan", 1)
    tritons.told.clear()
    rollback(target, tritons, "stylegan")
    assert tritons.told == [("load", "stylegan_traffic")]


def test_a_repository_that_serves_already_keeps_its_version(tmp_path, candidate):
    target = Store(export(tmp_path / "models", b"there before"))
    assert publish(candidate, target, "stylegan").traffic == Traffic(1, candidate=2)


def test_a_candidate_that_cannot_be_loaded_is_taken_out_again(target, candidate):
    tritons = Recorder()
    publish(candidate, target, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    tritons.refused.add(2)
    with pytest.raises(ReleaseError, match="version 2 is not ready"):
        load(target, tritons, "stylegan")
    assert read_traffic(target, "stylegan") == Traffic(1)
    assert serving(target, "stylegan") == [1]
    last = history(target, "stylegan")[-1]
    assert (last.action, last.version, last.note) == ("refuse", 2, "version 2 is not ready")
    with pytest.raises(ReleaseError, match="no candidate"):
        canary(target, tritons, "stylegan", 0.1)
    assert publish(candidate, target, "stylegan").version == 3  # its number is used up


def test_a_damaged_candidate_gets_no_traffic(target, candidate):
    publish(candidate, target, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    target.replace("stylegan/2/model.onnx", b"secomd")
    tritons = Recorder()
    for step in (lambda: canary(target, tritons, "stylegan", 0.1),
                 lambda: promote(target, tritons, "stylegan")):  # fmt: skip
        with pytest.raises(ReleaseError, match=r"2/model\.onnx is damaged"):
            step()
    assert tritons.told == []
    with pytest.raises(ReleaseError, match="is damaged"):
        load(target, tritons, "stylegan")
    assert read_traffic(target, "stylegan") == Traffic(1)


def test_damaged_files_are_not_published(target, candidate):
    candidate.replace("stylegan_mapping/1/model.onnx", b"mapping forst")
    with pytest.raises(ReleaseError, match=r"stylegan_mapping/1/model\.onnx is damaged"):
        publish(candidate, target, "stylegan")
    assert target.models() == []


def test_other_tensors_need_another_name(target, candidate, tmp_path):
    publish(candidate, target, "stylegan")
    bigger = served("stylegan", b"x", (TensorSpec("image", "UINT8", (16, 16, 3)),))
    other = tmp_path / "bigger"
    publish_export(other, [(bigger, {})])
    with pytest.raises(ReleaseError, match="other tensors"):
        publish(Store(other), target, "stylegan")


def test_a_release_without_a_served_part_is_refused(target, candidate, tmp_path):
    publish(candidate, target, "stylegan")
    alone = tmp_path / "alone"
    publish_export(alone, [(served("stylegan", b"alone"), {})])
    with pytest.raises(ReleaseError, match="lacks stylegan_mapping"):
        publish(Store(alone), target, "stylegan")


def test_what_operators_set_in_the_configuration_stays(target, candidate):
    publish(candidate, target, "stylegan")
    config = target.read("stylegan/config.pbtxt").decode()
    target.replace("stylegan/config.pbtxt", config.replace("count: 1", "count: 7").encode())
    publish(another(candidate, b"second"), target, "stylegan")
    assert read_config(target, "stylegan").instance_group[0].count == 7


def test_a_candidate_with_traffic_is_not_replaced(target, candidate):
    publish(candidate, target, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    canary(target, Recorder(), "stylegan", 0.5)
    with pytest.raises(ReleaseError, match="50% of the traffic"):
        publish(candidate, target, "stylegan")


def test_a_candidate_without_traffic_is_replaced(target, candidate):
    publish(candidate, target, "stylegan")
    publish(another(candidate, b"second"), target, "stylegan")
    publish(another(candidate, b"third"), target, "stylegan")
    assert read_traffic(target, "stylegan") == Traffic(1, candidate=3)
    assert serving(target, "stylegan") == [1, 3]


def test_without_a_predecessor_there_is_no_rollback(target, candidate):
    publish(candidate, target, "stylegan")
    with pytest.raises(ReleaseError, match="no predecessor"):
        rollback(target, Recorder(), "stylegan")


def test_an_unknown_model_is_named(target, candidate):
    with pytest.raises(ReleaseError, match="has no dcgan; there are: stylegan, stylegan_mapping"):
        publish(candidate, target, "dcgan")
    with pytest.raises(ReleaseError, match="no releases of dcgan"):
        promote(target, Recorder(), "dcgan")


def test_the_pointer_has_the_tensors_of_its_model(target, candidate):
    publish(candidate, target, "stylegan")
    pointer = read_config(target, "stylegan_traffic")
    assert [(t.name, list(t.dims)) for t in (*pointer.input, *pointer.output)] == [
        (Z.name, list(Z.shape)),
        (IMAGE.name, list(IMAGE.shape)),
    ]
    assert pointer.platform == "ensemble"
