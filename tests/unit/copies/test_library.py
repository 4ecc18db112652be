"""The embeddings of a folder of indexes, as they are now."""

from pathlib import Path

import pytest

from animegan_copies import CopyIndexError
from animegan_copies.library import CopyLibrary, NotEmbeddedError
from tests.unit.copies.material import COUNT, embed, write_index


def test_embeddings_are_opened_once_and_again_when_they_change(tmp_path: Path) -> None:
    directory = write_index(tmp_path / "squares")
    library = CopyLibrary(tmp_path)
    first = library.index("squares")
    assert library.index("squares") is first
    embed(directory, version=4)
    assert library.index("squares").manifest.detector.version == 4
    assert len(library.index("squares")) == COUNT


@pytest.mark.parametrize("name", ["", "..", "squares/copies", "none", "datasets"])
def test_what_is_not_embedded_is_refused(tmp_path: Path, name: str) -> None:
    write_index(tmp_path / "squares")
    with pytest.raises(NotEmbeddedError, match="copies index"):
        CopyLibrary(tmp_path).index(name)


def test_damage_is_told_again_and_mended_by_a_rebuild(tmp_path: Path) -> None:
    directory = write_index(tmp_path / "squares")
    (directory / "copies" / "ids.npy").write_bytes(b"")
    library = CopyLibrary(tmp_path)
    for _ in range(2):
        with pytest.raises(CopyIndexError, match=r"ids\.npy"):
            library.index("squares")
    embed(directory, version=5)
    assert library.index("squares").manifest.detector.version == 5
