"""The fuzz targets: what each is made of, how it is compiled and run.

    json             any bytes as JSON, read, written and read again
    npy              headers of .npy files, and the arrays behind them
    manifest         manifests of indexes and of embeddings, also with checksums that agree
    index            whole directories of an index, opened and searched
    search_config    configurations of the search backend's models
    search_requests  requests to its three models, answered from a real index
    onnx_config      configurations of the ONNX backend's models
    onnx_requests    requests to a model of it, run by ONNX Runtime

Each has libFuzzer's entry point. Without it main.c drives them, with the same arguments.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from animegan_kernels.build import SOURCES, TARGETS
from animegan_kernels.compiler import find
from animegan_kernels.libraries import TRITON_ONNXRUNTIME, TRITON_SEARCH
from tests.fuzz.material import write_indexes, write_model
from tests.unit.kernels.fake_triton import onnxruntime_library

FOLDER = Path(__file__).resolve().parent
CORPUS = FOLDER / "corpus"
_SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_FLAGS = ("-std=gnu11", "-g", "-O1", "-ffp-contract=off")
_WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror")
_LINKS = ("-lm", "-lpthread", "-ldl")

_SEARCH, _ONNX = TRITON_SEARCH.sources, TRITON_ONNXRUNTIME.sources
_JSON = ("common/json.c", "common/json_write.c")
_SERVED = ("requests.c", "triton.c")
# Sources in SOURCES; files here beside that of the target's name.
_TARGETS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "json": (_JSON, ()),
    "npy": (_SEARCH, ("triton.c",)),
    "manifest": (_SEARCH, ("repair.c", "triton.c")),
    "index": (_SEARCH, ("repair.c", "triton.c")),
    "search_config": (_SEARCH, ("triton.c",)),
    "search_requests": (_SEARCH, _SERVED),
    "onnx_config": ((*_JSON, "onnxruntime/settings.c", "onnxruntime/types.c"), ()),
    "onnx_requests": (_ONNX, _SERVED),
}
NAMES = tuple(_TARGETS)
SLOW = {"index": 5}  # it writes files: so many times fewer inputs


@dataclass
class CrashError(Exception):
    """An input ended a target.

    Attributes:
        target: which.
        output: what it said.
        input: what it was given; None where it was not kept.
    """

    target: str
    output: str
    input: bytes | None


class Programs:
    """All targets, compiled, and what they work on."""

    def __init__(
        self, folder: Path, names: Sequence[str] = NAMES, *, libfuzzer: bool = False
    ) -> None:
        """Compile targets with the address sanitizer and the one for undefined behaviour.

        Args:
            folder: for the programs and what lies between; it is made.
            names: of targets.
            libfuzzer: let LLVM's fuzzer drive them, in place of main.c; CC must name clang.

        Raises:
            CompilerError: there is no compiler.
            subprocess.CalledProcessError: the compiler does not like a source, as it has told.
        """
        self._folder, self._libfuzzer = folder, libfuzzer
        folder.mkdir(parents=True, exist_ok=True)
        self._compiler = find(folder)
        units = {unit for name in names for unit in self._units(name)}
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(lambda unit: self._compile(*unit), sorted(units)))
            list(threads.map(self._link, names))
        if not (folder / "model").exists():
            write_model(folder / "model")
            write_indexes(folder / "indexes")

    def run(self, name: str, arguments: Sequence[str]) -> tuple[int, int]:
        """Run a target on its corpus.

        Args:
            name: of the target.
            arguments: of its driver, "-runs=1000" for example.

        Returns:
            How many files the corpus has, and how many changed ones were tried.

        Raises:
            CrashError: an input ended it.
        """
        place = self._folder / f"run-{name}"
        place.mkdir(exist_ok=True)
        environment = {
            "ANIMEGAN_INDEXES": str(self._folder / "indexes"),
            "ANIMEGAN_MODEL": str(self._folder / "model"),
            "ANIMEGAN_ONNXRUNTIME": str(onnxruntime_library()),
            "ORT_DISABLE_TELEMETRY": "1",  # its threads ask the network, and leak
            "TMPDIR": str(place),
        }
        corpus = [str(CORPUS / name)]
        if self._libfuzzer:  # it adds to the first folder
            (place / "corpus").mkdir(exist_ok=True)
            corpus = [str(place / "corpus"), *corpus]
        done = subprocess.run(  # our own program
            [self._folder / name, *arguments, *corpus],
            cwd=place,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            inputs = sorted(place.glob("crash*")) + sorted(place.glob("timeout*"))
            raise CrashError(name, done.stderr[-6000:], inputs[0].read_bytes() if inputs else None)
        if self._libfuzzer:
            [tried] = re.findall(r"^Done (\d+) runs", done.stderr, re.MULTILINE)
            return len(list((CORPUS / name).iterdir())), int(tried)
        [(files, runs)] = re.findall(r"^(\d+) files, (\d+) runs$", done.stdout, re.MULTILINE)
        return int(files), int(runs)

    def _units(self, name: str) -> list[tuple[str, str]]:
        """Each file of a target, and its instruction set."""
        sources, files = _TARGETS[name]
        driver = () if self._libfuzzer else ("main.c",)
        units = [(str(SOURCES / source), "portable") for source in sources]
        units += [(str(FOLDER / file), "portable") for file in (f"{name}.c", *files, *driver)]
        if sources is _SEARCH:
            units += [
                (str(SOURCES / k), target) for k in TRITON_SEARCH.kernels for target in TARGETS
            ]
        return units

    def _object(self, source: str, target: str) -> str:
        return str(self._folder / "-".join([*Path(source).parts[-2:], f"{target}.o"]))

    def _compile(self, source: str, target: str) -> None:
        # Without -DTARGET a kernel is none; for all others it means nothing.
        flags = [*_FLAGS, *_SANITIZERS, *_WARNINGS, f"-DTARGET={target}", "-I", str(SOURCES)]
        flags += ["-fsanitize=fuzzer-no-link"] if self._libfuzzer else []
        command = [*self._compiler.command(target), *flags, "-c", source]
        _run([*command, "-o", self._object(source, target)])

    def _link(self, name: str) -> None:
        objects = [self._object(*unit) for unit in self._units(name)]
        driver = ["-fsanitize=fuzzer"] if self._libfuzzer else []
        start = [*self._compiler.command("portable"), *_SANITIZERS, *driver]
        _run([*start, *objects, *_LINKS, "-o", str(self._folder / name)])


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)  # our own command
