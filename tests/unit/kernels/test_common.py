"""JSON and SHA-256 in C beside Python's."""

import ctypes
import hashlib
import json
import shutil
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from animegan_kernels import build
from animegan_kernels.build import Library
from tests.requires import require_program

# What tests call, beside the files that are tested.
BRIDGE = """
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/sha256.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int bridge_json(const char *text, size_t length, char *to, size_t room);
EXPORT void bridge_sha256(const char *data, size_t bytes, const size_t *parts, size_t count,
                          char to[SHA256_TEXT]);

/* -1: refused, and the complaint; else the length of what is written, sorted. */
int bridge_json(const char *text, size_t length, char *to, size_t room) {
    const char *complaint;
    json_document *document = json_read(text, length, &complaint);
    if (!document) return memcpy(to, complaint, strlen(complaint) + 1), -1;
    json_writer written = {0};
    json_write_sorted(&written, json_root(document), NULL);
    json_free(document);
    if (written.length > room) abort();
    memcpy(to, written.text, written.length);
    free(written.text);
    return (int)written.length;
}

void bridge_sha256(const char *data, size_t bytes, const size_t *parts, size_t count,
                   char to[SHA256_TEXT]) {
    sha256 hash;
    sha256_begin(&hash);
    for (size_t i = 0; i < count; i++) {
        const size_t part = parts[i] < bytes ? parts[i] : bytes;
        sha256_add(&hash, data, part);
        data += part, bytes -= part;
    }
    sha256_add(&hash, data, bytes);
    sha256_end(&hash, to);
}
"""
NAMES = ("json", "json_write", "sha256", "target")
FILES = (*(f"common/{name}.c" for name in NAMES), "bridge.c")
COMMON = Library("common", sources=FILES, links=("-lm",))
ROOM = 1 << 22

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside), max_leaves=30
)


class Refused(Exception):  # noqa: N818  # an outcome, not an error of ours
    """The C refuses a document."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The files of common/, compiled as all libraries are."""
    require_program("cc")
    folder = tmp_path_factory.mktemp("common")
    shutil.copytree(build.SOURCES / "common", folder / "common")
    (folder / "bridge.c").write_text(BRIDGE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "SOURCES", folder)
        patch.setattr(build, "BUILT", folder / "built")
        build.build([COMMON])
        return ctypes.CDLL(str(COMMON.built()))


@pytest.fixture(scope="module")
def read(library: ctypes.CDLL) -> Callable[[bytes], str]:
    """Reads a document and writes it, sorted."""
    room = ctypes.create_string_buffer(ROOM)

    def read(text: bytes) -> str:
        length = library.bridge_json(text, ctypes.c_size_t(len(text)), room, ctypes.c_size_t(ROOM))
        if length < 0:
            raise Refused(room.value.decode())
        return room.raw[:length].decode("ascii")

    return read


def written(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


# ---- JSON


@given(VALUES, st.booleans(), st.sampled_from([None, 0, 3]))
@example([1e16, 1e15, 123456789012345680.0, 1e-4, 1e-5, 5e-324, -0.0, 2.0**70, 100.0], True, None)
@example('\U0001f600\x7f\x00"\\/\b\f\n\r\t\ud7ff\ue000\U0010ffff', False, None)
@settings(max_examples=300, deadline=None)
def test_what_python_writes_is_read_and_written_alike(
    read: Callable[[bytes], str], value: object, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert read(text.encode()) == written(value)


@given(
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-1074, 1023).map(lambda power: 2.0**power)  # the next number below is closer
    | st.builds(
        lambda digits, power: digits * 10.0**power, st.integers(-9999, 9999), st.integers(-20, 20)
    )
)
@example(2.0**-24)  # the nearest number of 16 digits reads back as the one below
@settings(max_examples=1000, deadline=None)
def test_numbers_have_the_digits_of_repr(read: Callable[[bytes], str], number: float) -> None:
    assert read(repr(number).encode()) == repr(number)
    assert read(f"{number:.17e}".encode()) == repr(number)


@given(VALUES, st.lists(st.tuples(st.integers(0), st.integers(0, 255))), st.integers(0))
@settings(max_examples=1000, deadline=None)
def test_changed_documents_are_read_as_python_reads_them_or_refused(
    read: Callable[[bytes], str], value: object, changes: list[tuple[int, int]], end: int
) -> None:
    text = bytearray(json.dumps(value, ensure_ascii=False).encode())
    for place, byte in changes:
        text[place % len(text)] = byte
    text = text[: len(text) - end % 3]
    try:
        ours = read(bytes(text))
    except Refused:
        return  # stricter than Python: see below
    assert ours == written(json.loads(text.decode()))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "it ends too early"),
        (b"[1", "does not end"),
        (b"nul", "no JSON"),
        (b"NaN", "no JSON"),
        (b"-Infinity", "no JSON"),
        (b"01", "no JSON"),
        (b"1.", "a number is cut"),
        (b"1e+", "a number is cut"),
        (b"1 2", "more behind its end"),
        (b"9223372036854775808", "a number is too large"),
        (b"1e999", "a number is too large"),
        (b"0." + b"1" * 70, "a number is too long"),
        (b'{"a":1,"a":2}', "a name stands twice"),
        (b"{1:2}", "a member has no name"),
        (b'{"a" 2}', "a member has no value"),
        (b'"\\ud800"', "half a surrogate pair"),
        (b'"\\udc00"', "half a surrogate pair"),
        (b'"\\ud800\\u0041"', "half a surrogate pair"),
        (b'"\\u12g4"', "an escape is cut or wrong"),
        (b'"\\x"', "an unknown escape"),
        (b'"\n"', "a control character"),
        (b'"\xff"', "not UTF-8"),
        (b'"\xc0\x80"', "not UTF-8"),  # an overlong zero
        (b'"\xed\xa0\x80"', "not UTF-8"),  # a surrogate
        (b'"\xf4\x90\x80\x80"', "not UTF-8"),  # beyond Unicode
        (b'"', "a string does not end"),
    ],
)
def test_what_is_refused(read: Callable[[bytes], str], text: bytes, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        read(text)


@pytest.mark.parametrize(
    ("within", "beyond", "complaint"),
    [
        (b"[" * 64 + b"]" * 64, b"[" * 65 + b"]" * 65, "nested too deeply"),
        (
            json.dumps({str(i): 0 for i in range(4096)}).encode(),
            json.dumps({str(i): 0 for i in range(4097)}).encode(),
            "an object is too large",
        ),
        (b"[" + b"0," * (2**20 - 2) + b"0]", b"[" + b"0," * (2**20 - 1) + b"0]", "too many values"),
    ],
    ids=["depth", "members", "values"],
)
def test_limits(read: Callable[[bytes], str], within: bytes, beyond: bytes, complaint: str) -> None:
    assert read(within) == written(json.loads(within))
    with pytest.raises(Refused, match=complaint):
        read(beyond)


# ---- SHA-256


@pytest.mark.parametrize("target", ["fastest", "portable"])
@given(data=st.binary(max_size=700), parts=st.lists(st.integers(0, 200), max_size=6))
@example(data=b"", parts=[])
@example(data=bytes(55), parts=[0])
@example(data=bytes(56), parts=[1])
@example(data=bytes(64), parts=[63, 1])
@example(data=bytes(10**6), parts=[65, 64 * 100])
@settings(max_examples=200, deadline=None)
def test_digests_are_those_of_hashlib(
    library: ctypes.CDLL, target: str, data: bytes, parts: list[int]
) -> None:
    digest = ctypes.create_string_buffer(65)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ANIMEGAN_TARGET", target)  # an unknown one leaves the fastest
        lengths = (ctypes.c_size_t * len(parts))(*parts)
        sizes = [ctypes.c_size_t(len(data)), lengths, ctypes.c_size_t(len(parts))]
        library.bridge_sha256(data, *sizes, digest)
    assert digest.value.decode() == hashlib.sha256(data).hexdigest()
