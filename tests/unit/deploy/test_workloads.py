"""The model repository for a cluster: who gets what, and the configurations for GPUs."""

from pathlib import Path

import pytest
from tritonclient.grpc import model_config_pb2

from deploy import workloads
from deploy.local.runtime import PROJECT

MODELS = PROJECT / "models"
GPU = model_config_pb2.ModelInstanceGroup.KIND_GPU
CPU = model_config_pb2.ModelInstanceGroup.KIND_CPU


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A network, a program and a pointer, without their large files."""
    for name in ("dcgan_gray", "ssim_index"):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
        config = (MODELS / name / "config.pbtxt").read_text()
        (tmp_path / "models" / name / "config.pbtxt").write_text(config)
    card = (MODELS / "dcgan_gray" / "1" / "model_card.json").read_text()
    (tmp_path / "models" / "dcgan_gray" / "1" / "model_card.json").write_text(card)
    pointer = tmp_path / "models" / "dcgan_gray_traffic"
    (pointer / "1").mkdir(parents=True)
    (pointer / "config.pbtxt").write_text(
        'platform: "ensemble" ensemble_scheduling { step [ { model_name: "dcgan_gray" } ] }'
    )
    return tmp_path / "models"


@pytest.mark.parametrize(
    ("model", "workload"),
    [
        ("stylegan", "generator"),
        ("stylegan_layers", "generator"),
        ("copy_detector", "similarity"),
        ("copy_search", "similarity"),
        ("ssim_search", "similarity"),
    ],
)
def test_workloads(model, workload):
    assert workloads.workload(MODELS / model) == workload


def test_every_model_of_the_project_has_a_workload():
    found = {workloads.workload(model) for model in workloads.models(MODELS)}
    assert found == {"generator", "upscaler", "similarity"}


def test_arranging_again_replaces_and_leaves_nothing_behind(source, tmp_path):
    target = tmp_path / "cluster"
    for _ in range(2):
        workloads.arrange(source, target)
    files = sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
    assert files == [
        "generator/dcgan_gray/1/model_card.json",
        "generator/dcgan_gray/config.pbtxt",
        "generator/dcgan_gray_traffic/config.pbtxt",
        "similarity/ssim_index/config.pbtxt",
    ]
    copied = (target / "generator" / "dcgan_gray" / "config.pbtxt").read_bytes()
    assert copied == (source / "dcgan_gray" / "config.pbtxt").read_bytes()


def test_for_gpus_it_changes_where_networks_run_and_nothing_else(source, tmp_path):
    workloads.arrange(source, tmp_path / "cluster", "gpu")
    before = workloads.read_config(source / "dcgan_gray")
    after = workloads.read_config(tmp_path / "cluster" / "generator" / "dcgan_gray")
    assert [group.kind for group in after.instance_group] == [GPU]
    assert after.parameters["cudnn_conv_algo_search"].string_value == "2"
    del after.parameters["cudnn_conv_algo_search"]
    for group in after.instance_group:
        group.kind = CPU
    assert after == before
    program = workloads.read_config(tmp_path / "cluster" / "similarity" / "ssim_index")
    assert GPU not in [group.kind for group in program.instance_group]


def test_tensorrt_keeps_full_precision_and_its_engines(source, tmp_path):
    workloads.arrange(source, tmp_path / "cluster", "tensorrt")
    config = workloads.read_config(tmp_path / "cluster" / "generator" / "dcgan_gray")
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.name == "tensorrt"
    assert accelerator.parameters["precision_mode"] == "FP32"
    assert accelerator.parameters["trt_engine_cache_path"] == "/engines"


def test_a_model_that_belongs_nowhere_is_named_before_anything_is_copied(source, tmp_path):
    card = source / "dcgan_gray" / "1" / "model_card.json"
    card.write_text('{"contract": "oracle"}')
    with pytest.raises(workloads.WorkloadError, match=r"dcgan_gray: no workload for .*'oracle'"):
        workloads.arrange(source, tmp_path / "cluster")
    assert not (tmp_path / "cluster").exists()


def test_a_folder_without_models_is_a_mistake(tmp_path):
    with pytest.raises(workloads.WorkloadError, match="there is no model in"):
        workloads.arrange(tmp_path, tmp_path / "cluster")


def test_the_search_runs_on_gpus_only_where_it_is_told_to(tmp_path):
    """Its pods have a GPU in an overlay of their own: elsewhere such a model would not load."""
    source = tmp_path / "models"
    for name in ("copy_detector", "dcgan_gray", "ssim_search"):
        (source / name / "1").mkdir(parents=True)
        (source / name / "config.pbtxt").write_text((MODELS / name / "config.pbtxt").read_text())
        card = (MODELS / name / "1" / "model_card.json").read_text()
        (source / name / "1" / "model_card.json").write_text(card)

    scan = source / "ssim_scan_faces_00000"
    (scan / "1").mkdir(parents=True)
    config = (MODELS / "dcgan_gray" / "config.pbtxt").read_text()
    (scan / "config.pbtxt").write_text(config.replace("dcgan_gray", scan.name))
    (scan / "1" / "model_card.json").write_text('{"contract": "scan"}')
    ensemble = source / "ssim_search_faces_00000"
    ensemble.mkdir()
    (ensemble / "config.pbtxt").write_text(
        f'platform: "ensemble" ensemble_scheduling {{ step [ {{ model_name: "{scan.name}" }} ] }}'
    )

    def on_gpus(**options):
        target = tmp_path / "cluster"
        places = workloads.arrange(source, target, **options)
        return {
            place.name
            for place in places
            if GPU in [group.kind for group in workloads.read_config(place).instance_group]
        }

    assert on_gpus(processor="gpu") == {"dcgan_gray"}
    assert not list((tmp_path / "cluster").glob("*/*faces*")), "a scan is for a GPU"
    assert on_gpus(processor="tensorrt", gpu_search=True) == {
        "copy_detector",
        "dcgan_gray",
        scan.name,
    }
    assert (tmp_path / "cluster" / "similarity" / ensemble.name).is_dir()
    detector = workloads.read_config(tmp_path / "cluster" / "similarity" / "copy_detector")
    assert not detector.optimization.execution_accelerators.gpu_execution_accelerator
    assert on_gpus(gpu_search=True) == {"copy_detector", scan.name}
    assert on_gpus() == set()
