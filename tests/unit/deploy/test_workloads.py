"""The model repository for a cluster: who gets what, and the configurations for GPUs."""

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from deploy import workloads
from deploy.local.runtime import PROJECT

MODELS = PROJECT / "models"


def parsed(text: str) -> model_config_pb2.ModelConfig:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


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


def test_gpu_configurations_change_where_networks_run_and_nothing_else():
    text = (MODELS / "stylegan" / "config.pbtxt").read_text()
    cpu, gpu = parsed(text), parsed(workloads.variants(text)["gpu"])
    kinds = model_config_pb2.ModelInstanceGroup
    assert [group.kind for group in gpu.instance_group] == [kinds.KIND_GPU]
    assert gpu.parameters["cudnn_conv_algo_search"].string_value == "2"
    del gpu.parameters["cudnn_conv_algo_search"]
    for group in gpu.instance_group:
        group.kind = kinds.KIND_CPU
    assert gpu == cpu


def test_tensorrt_configurations_keep_full_precision_and_their_engines():
    config = parsed(
        workloads.variants((MODELS / "stylegan" / "config.pbtxt").read_text())["tensorrt"]
    )
    (accelerator,) = config.optimization.execution_accelerators.gpu_execution_accelerator
    assert accelerator.name == "tensorrt"
    assert accelerator.parameters["precision_mode"] == "FP32"
    assert accelerator.parameters["trt_engine_cache_path"] == "/engines"


def test_programs_have_one_configuration():
    assert workloads.variants((MODELS / "ssim_search" / "config.pbtxt").read_text()) == {}


def test_arranging_again_replaces_and_leaves_nothing_behind(tmp_path, capsys):
    source, target = tmp_path / "models", tmp_path / "cluster"
    for name in ("dcgan_gray", "ssim_index"):
        (source / name).mkdir(parents=True)
        (source / name / "config.pbtxt").write_text((MODELS / name / "config.pbtxt").read_text())
        (source / name / "1").mkdir()
    card = (MODELS / "dcgan_gray" / "1" / "model_card.json").read_text()
    (source / "dcgan_gray" / "1" / "model_card.json").write_text(card)
    for _ in range(2):
        workloads.arrange(source, target)
    files = sorted(str(file.relative_to(target)) for file in target.rglob("*") if file.is_file())
    assert files == [
        "generator/dcgan_gray/1/model_card.json",
        "generator/dcgan_gray/config.pbtxt",
        "generator/dcgan_gray/configs/gpu.pbtxt",
        "generator/dcgan_gray/configs/tensorrt.pbtxt",
        "similarity/ssim_index/config.pbtxt",
    ]


def test_a_model_that_belongs_nowhere_is_named_before_anything_is_copied(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "models" / name / "1").mkdir(parents=True)
        (tmp_path / "models" / name / "config.pbtxt").write_text("")
    (tmp_path / "models" / "b" / "1" / "model_card.json").write_text('{"contract": "oracle"}')
    with pytest.raises(workloads.WorkloadError, match="b: no workload for the contract 'oracle'"):
        workloads.arrange(tmp_path / "models", tmp_path / "cluster")
    assert not (tmp_path / "cluster").exists()


def test_a_folder_without_models_is_a_mistake(tmp_path):
    with pytest.raises(workloads.WorkloadError, match="there is no model in"):
        workloads.arrange(tmp_path, tmp_path / "cluster")
