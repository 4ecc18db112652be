"""A model's second file: the same network with the native convolutions in place of ONNX's.

`model.onnx` is for everybody; `model.native.onnx` is what the back end of one machine takes, where
the operators of `animegan_kernels.convolution` are to be had.
"""

from __future__ import annotations

from pathlib import Path

import onnx

from animegan_kernels.convolution.graph import replace_convolutions
from training.export.folders import publishing, replace
from training.export.repository import (
    CARD_FILE,
    CONFIG_FILE,
    card_bytes,
    described,
    read_card,
    versions,
)
from training.export.triton_config import MODEL_FILE, NATIVE_CONVOLUTIONS, NATIVE_FILE, with_cards


def native(graph: bytes) -> bytes | None:
    """The same model in terms of the native convolutions.

    Args:
        graph: a serialised ONNX model.

    Returns:
        A serialised ONNX model, equal for equal graphs; None if there is nothing to replace.
    """
    model = onnx.load_model_from_string(graph)
    if not replace_convolutions(model):
        return None
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def add_native(folder: Path) -> list[Path]:
    """Give every version of a model the file that the exporter writes today; model.onnx stays.

    Args:
        folder: of a model in a repository, whose configuration says `native_convolutions`.

    Returns:
        The files that were written; none where all versions had it.

    Raises:
        ValueError: the configuration does not say so.
        FolderInUseError: another process publishes the model.
        OSError: there is no such model, or the disk is full.
    """
    if not folder.is_dir():  # or the lock would make it
        raise FileNotFoundError(f"{folder} is no model")
    with publishing([folder]):
        return _add_native(folder)


def _add_native(folder: Path) -> list[Path]:
    """What `add_native` does, while nobody else writes the folder."""
    config = (folder / CONFIG_FILE).read_text()
    if f'key: "{NATIVE_CONVOLUTIONS}" value: {{ string_value: "1" }}' not in config:
        raise ValueError(
            f"{folder / CONFIG_FILE} does not ask for native convolutions as an export writes it"
        )
    cards = {version: read_card(folder, version) for version in versions(folder)}
    written = []
    for version, card in cards.items():
        graph = native((folder / str(version) / MODEL_FILE).read_bytes())
        if graph is None or NATIVE_FILE in card["files"]:
            continue
        path = folder / str(version) / NATIVE_FILE
        replace(path, graph)
        card["files"][NATIVE_FILE] = described(graph)
        replace(path.with_name(CARD_FILE), card_bytes(card))
        written.append(path)
    # Last, as a publication does; and always, so that doing it again mends what a crash left.
    replace(folder / CONFIG_FILE, with_cards(config, cards).encode())
    return written
