"""A sanitizer's finding fails the run in which it was found, whatever the command itself says."""

import sys
from pathlib import Path

import pytest

from animegan_kernels import build
from animegan_kernels.build import Library
from tests import sanitized
from tests.requires import require_program

MISTAKES = Library("mistakes", sources=("mistakes.c",), links=("-lpthread",))
SOURCE = """
#include <pthread.h>
#include <stdlib.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT int nothing(int number);
EXPORT int overflow(int number);
EXPORT int late(int number);
EXPORT int shift(int number);
EXPORT int sum(int number);
EXPORT int race(int number);

static int shared;

int nothing(int number) { return number; }

int overflow(int number) {
    char *memory = calloc((size_t)number, 1);
    if (!memory) return 0;
    const char value = memory[number]; /* one too far */
    free(memory);
    return value;
}

int late(int number) {
    int *volatile memory = malloc(sizeof *memory);
    if (!memory) return 0;
    *memory = number;
    free(memory);
    return *memory;
}

int shift(int number) { return 1 << (number + 32); }

int sum(int number) { return number + 0x7fffffff; }

static void *count(void *data) {
    for (int i = 0; i < *(const int *)data * 1000; i++) shared++;
    return NULL;
}

int race(int number) {
    pthread_t one, other;
    if (pthread_create(&one, NULL, count, &number)) return 0;
    if (pthread_create(&other, NULL, count, &number)) return 0;
    return pthread_join(one, NULL) + pthread_join(other, NULL);
}
"""
CALL = """
import ctypes, os, sys
pid = os.fork()  # what a child does is noticed, too
if pid == 0:
    getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])(16)
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.fixture
def mistakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A library that is wrong in every way that is looked for."""
    require_program("cc")
    (tmp_path / "mistakes.c").write_text(SOURCE)
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    monkeypatch.setattr(build, "BUILT", tmp_path / "built")
    monkeypatch.setattr(build, "_WARNINGS", ())  # compilers warn of some
    monkeypatch.delenv("CC", raising=False)
    return MISTAKES


def call(kind: str, library: Library, function: str) -> int:
    """Let a child of a child call a function; both end well."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(build.SANITIZE_VARIABLE, kind)
        path = library.path
    return sanitized.run(kind, [sys.executable, "-c", CALL, path, function], [library])


@pytest.mark.parametrize(
    ("kind", "function", "finding"),
    [
        ("address", "overflow", "heap-buffer-overflow"),
        ("address", "late", "heap-use-after-free"),
        ("address", "shift", r"ABRT(?s:.)* in shift .*mistakes\.c"),
        ("address", "sum", r"ABRT(?s:.)* in sum .*mistakes\.c"),
        ("thread", "race", "data race"),
    ],
)
def test_a_finding_fails_the_run(mistakes: Library, kind: str, function: str, finding: str) -> None:
    with pytest.raises(sanitized.FindingsError, match=finding):
        call(kind, mistakes, function)


@pytest.mark.parametrize("kind", ["address", "thread"])
def test_without_findings_the_command_decides(mistakes: Library, kind: str) -> None:
    assert call(kind, mistakes, "nothing") == 0
    assert sanitized.run(kind, [sys.executable, "-c", "raise SystemExit(3)"], [mistakes]) == 3
