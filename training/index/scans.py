"""Publishes models that scan an index's shards, so that a GPU can, into a Triton model repository.

    ssim_scan_<index>_<shard>    the scan as an ONNX graph (`scan_graph.py`)
    ssim_search_<index>_<shard>  an ensemble: that scan, then `ssim_search`, which ranks its scores

The ensemble has the tensors of `ssim_search` and gives its answers. A scan says which file of tiles
its scores belong to, and `ssim_search` refuses those of another state of the shard.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from google.protobuf import text_format
from numpy.typing import NDArray
from tritonclient.grpc import model_config_pb2

from animegan_search.ssim.index import Index
from animegan_search.ssim.index.manifest import ShardRecord
from animegan_search.ssim.index.shard import Shard
from animegan_search.ssim.tiles import CENTRE
from training.export.folders import replace
from training.export.model import ServedModel, TensorSpec
from training.export.repository import (
    CONFIG_FILE,
    ENSEMBLE_FILE,
    ENSEMBLE_README,
    publish,
    read_card,
    versions,
)
from training.index.scan_graph import scan_graph

SEARCH_MODEL = "ssim_search"
SCAN_MODEL = "ssim_scan"
# What the ensemble hands to `ssim_search`, by the same names in both of its models.
_SCANNED = ("scores", "scored")
_ALL_SCORES = "scanned_scores"  # within the ensemble, whose own `scores` are an output


class NoSearchModelError(ValueError):
    """A repository lacks the model that ranks what a scan has scored."""


def publish_scans(index: Index, repository: Path) -> Iterator[tuple[str, bool]]:
    """Publish the scan of every shard; those that are there already stay.

    Args:
        index: verified, or its scans may be of damaged pixels.
        repository: a Triton model repository that holds `ssim_search`.

    Yields:
        For each shard the model to search it with, and whether its scan is new.

    Raises:
        NoSearchModelError: the repository holds no `ssim_search`.
        TooLargeError: a shard does not fit into an ONNX file.
        OSError: the disk is full.
    """
    searching = _search_config(repository)
    called = index.directory.resolve().name
    for shard, record in zip(index.shards, index.manifest.shards, strict=True):
        suffix = f"_{called}_{shard.name}"
        scan = repository / (SCAN_MODEL + suffix)
        new = not _is_there(scan, record)
        if new:
            publish(repository, [(_served(index, shard, record, scan.name), _story(index, record))])
            for version in versions(scan)[:-1]:
                shutil.rmtree(scan / str(version))  # nothing ranks its scores any more
        _write_ensemble(repository, _ensemble(searching, SEARCH_MODEL + suffix, scan.name))
        yield SEARCH_MODEL + suffix, new


def _is_there(scan: Path, record: ShardRecord) -> bool:
    newest = versions(scan)[-1:]
    return any(read_card(scan, version)["scored"] == record.tiles.sha256 for version in newest)


def _served(index: Index, shard: Shard, record: ShardRecord, name: str) -> ServedModel:
    graph = scan_graph(references(shard), index.definition, record.tiles.sha256)
    return ServedModel(
        name=name,
        contract="scan",
        onnx=graph.SerializeToString(),
        inputs=(TensorSpec("query", "UINT8", index.shape),),
        outputs=(
            TensorSpec("scores", "FP32", (shard.count,)),
            TensorSpec("scored", "UINT8", (len(record.tiles.sha256),)),
        ),
        instances=1,
        threads=0,
    )


def references(shard: Shard) -> NDArray[np.uint8]:
    """A shard's references, removed ones included, uint8 [N, C, H, W]."""
    _, *shape, _ = shard.tiles.shape
    lanes = shard.tiles.view(np.uint8) ^ np.uint8(CENTRE)
    return lanes.transpose(0, 4, 1, 2, 3).reshape(-1, *shape)[: shard.count]


def _story(index: Index, record: ShardRecord) -> dict[str, object]:
    licences = {source.licence for source in index.manifest.sources}
    return {
        "description": f"SSIM of pictures to the {record.count} images of a shard",
        "definition": index.definition.name,
        "index": index.directory.resolve().name,
        "shard": record.name,
        "scored": record.tiles.sha256,
        "licence": " AND ".join(sorted(licences)),
    }


def _search_config(repository: Path) -> model_config_pb2.ModelConfig:
    path = repository / SEARCH_MODEL / CONFIG_FILE
    try:
        return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())
    except FileNotFoundError as error:
        raise NoSearchModelError(
            f"{path} is missing: scans go where {SEARCH_MODEL} is, into a copy of `models`"
        ) from error


def _ensemble(
    search: model_config_pb2.ModelConfig, name: str, scan: str
) -> model_config_pb2.ModelConfig:
    """A model with the tensors of `ssim_search`, but for those that the scan gives."""
    ensemble = model_config_pb2.ModelConfig(
        name=name,
        platform="ensemble",
        max_batch_size=search.max_batch_size,
        input=[tensor for tensor in search.input if tensor.name not in _SCANNED],
        output=search.output,
    )
    scanning = ensemble.ensemble_scheduling.step.add(model_name=scan, model_version=-1)
    scanning.input_map["query"] = "query"
    scanning.output_map.update({"scores": _ALL_SCORES, "scored": "scored"})
    ranking = ensemble.ensemble_scheduling.step.add(model_name=search.name, model_version=-1)
    ranking.input_map.update({tensor.name: tensor.name for tensor in ensemble.input})
    ranking.input_map.update({"scores": _ALL_SCORES, "scored": "scored"})
    ranking.output_map.update({tensor.name: tensor.name for tensor in ensemble.output})
    return ensemble


def _write_ensemble(repository: Path, ensemble: model_config_pb2.ModelConfig) -> None:
    folder = repository / ensemble.name
    replace(folder / ENSEMBLE_FILE, ENSEMBLE_README)
    replace(folder / CONFIG_FILE, text_format.MessageToString(ensemble, as_utf8=True).encode())
