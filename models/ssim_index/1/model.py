"""What the indexes below $ANIMEGAN_INDEXES are, and their images, behind Triton's Python backend.

`shard` "" asks for the manifest, JSON as `animegan_ssim.library.Library.describe` gives it, and no
images; "<index>" (or "<index>/<shard>") asks for the images with these `ids`, UINT8 [n, H, W, C].
Any server with the index's directory can answer, whichever shards it searches.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from animegan_ssim.index import SearchIndexError, UnknownImageError
from animegan_ssim.library import Library, NotServedError

_NO_IMAGES = np.empty((0, 1, 1, 1), np.uint8)


class TritonPythonModel:
    """One instance."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        """Leave the config as it is: the model repository has complete ones."""
        return config

    def initialize(self, args: dict[str, str]) -> None:
        """Find the indexes. `ssim_search` verifies them; here they are only mapped."""
        self._library = Library.from_environment(verify=False)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request; none fails for another's sake."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        shard, ids = (
            pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in ("shard", "ids")
        )
        try:
            arrays = self._arrays(shard.item().decode(errors="replace"), ids)
        except (NotServedError, UnknownImageError) as error:
            fault = pb_utils.TritonError(str(error), pb_utils.TritonError.NOT_FOUND)
            return pb_utils.InferenceResponse([], fault)
        except SearchIndexError as error:
            fault = pb_utils.TritonError(str(error), pb_utils.TritonError.UNAVAILABLE)
            return pb_utils.InferenceResponse([], fault)
        wanted = set(request.requested_output_names())
        tensors = [pb_utils.Tensor(*item) for item in arrays.items() if item[0] in wanted]
        return pb_utils.InferenceResponse(tensors)

    def _arrays(self, shard: str, ids: np.ndarray) -> dict[str, np.ndarray]:
        name = shard.partition("/")[0]
        manifest = "" if name else json.dumps(self._library.describe())
        images = self._library.index(name).images(ids) if name else _NO_IMAGES
        return {"manifest": np.array([manifest.encode()], np.object_), "images": images}
