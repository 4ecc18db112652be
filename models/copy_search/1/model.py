"""The images of an index that a picture may be a changed copy of, behind Triton's Python backend.

It takes what `copy_detector` answers, and searches the embeddings of the index `index` below
$ANIMEGAN_INDEXES, which `anime-gan copies index` has written:

    id INT64 [k'], similarity FP32 [k']   nearest first, ties by id; k' = min(k, images)
    p_value FP64 [1], threshold FP64 [1]  of the nearest, at this false-alarm rate
    digest BYTES [1]                      of the SSIM index whose images they are
    detector BYTES [1]                    sha256 of the ONNX file that made the embeddings
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from animegan_copies import CopyIndexError
from animegan_copies.library import CopyLibrary, NotEmbeddedError
from animegan_ssim.index import SearchIndexError
from animegan_ssim.library import INDEXES_VARIABLE

# Names in pb_utils.TritonError, which Triton fills in only after it has imported this file.
_CODES = {
    NotEmbeddedError: "NOT_FOUND",
    CopyIndexError: "UNAVAILABLE",
    SearchIndexError: "UNAVAILABLE",
    ValueError: "INVALID_ARG",
}


class TritonPythonModel:
    """One instance."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Leave the config as it is: the model repository has complete ones."""
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Embeddings are opened, and every byte verified, by the first query of an index."""
        self._library = CopyLibrary(Path(os.environ.get(INDEXES_VARIABLE) or os.devnull))

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request; none fails for another's sake."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        try:
            arrays = self._search(request)
        except tuple(_CODES) as error:
            code = next(code for kind, code in _CODES.items() if isinstance(error, kind))
            fault = pb_utils.TritonError(str(error), getattr(pb_utils.TritonError, code))
            return pb_utils.InferenceResponse([], fault)
        wanted = set(request.requested_output_names())
        tensors = [pb_utils.Tensor(*item) for item in arrays.items() if item[0] in wanted]
        return pb_utils.InferenceResponse(tensors)

    def _search(self, request: Any) -> dict[str, np.ndarray]:
        name, k, rate = (_input(request, key).item() for key in ("index", "k", "false_alarm_rate"))
        index = self._library.index(name.decode())
        (copies,) = index.search(_input(request, "embedding")[np.newaxis], k, rate)
        manifest = index.manifest
        return {
            "id": copies.ids,
            "similarity": copies.similarity,
            "p_value": np.array([copies.p_value]),
            "threshold": np.array([copies.threshold]),
            "digest": np.array([manifest.index_digest.encode()], np.object_),
            "detector": np.array([manifest.detector.sha256.encode()], np.object_),
        }


def _input(request: Any, name: str) -> np.ndarray:
    tensor: np.ndarray = pb_utils.get_input_tensor_by_name(request, name).as_numpy()
    return tensor
