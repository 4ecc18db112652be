"""Run by test_cuda.py in a process of its own: the simulator is chosen before numba is imported.

Prints the largest error of the CUDA back end to the float64 reference, for each definition.
"""

import os

os.environ["NUMBA_ENABLE_CUDASIM"] = "1"

import numpy as np
from pictures import hard_pictures

from animegan_ssim.backends import cuda
from animegan_ssim.definition import DEFINITIONS
from animegan_ssim.engine import Engine
from animegan_ssim.reference import ssim_of_each
from animegan_ssim.tiles import pack

cuda.GROUP = 4  # a thread of the simulator is one of Python's: fewer are faster

pictures = hard_pictures(12, 13, 1)
queries = pictures[[1, 6, 12]]
for definition in DEFINITIONS.values():
    engine = Engine(pack(pictures), len(pictures), definition, backend="cuda", threads=1)
    expected = np.stack([ssim_of_each(query, pictures, definition) for query in queries])
    print(definition.name, np.abs(engine.scores(queries) - expected).max())  # noqa: T201
