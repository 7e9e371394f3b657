"""Blocks of a source, read one by one, give the pairs that the source gives when it is read at once."""

import gzip
import lzma
import tempfile
import zipfile
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus import blocks, inputs
from xner_core.corpus.blocks import cut_blocks
from xner_core.corpus.readers import RawPair
from xner_core.corpus.sources import find_sources
from xner_core.errors import XnerError
from xner_core.storage.files import locate

LANGUAGES = ("en", "de")
# Line ends of all kinds, marks at the start, bytes of no text, and what only some take for the end of a line.
LINES = [b"One.", b"", b"\r", b"x\r", b"\xef\xbb\xbfOne.", b"\xff\xfe", b"caf\xe9", "a\u2028b\x85c\x0bd".encode()]
lines = st.lists(st.sampled_from(LINES) | st.text("ab\t ü", max_size=9).map(str.encode), max_size=12)


def pairs_of(folder: Path, size: int, characters: int = 1 << 23) -> tuple[list[RawPair], list[RawPair]]:
    """The pairs of the one source in a folder, read at once, and by blocks of some size."""
    ((source,), _) = find_sources(locate(folder), *LANGUAGES)
    whole = list(source.pairs(*LANGUAGES))
    with mock.patch.object(blocks, "BLOCK_PAIRS", size), mock.patch.object(blocks, "BLOCK_BYTES", characters):
        found: list[RawPair] = []
        for block in cut_blocks(source, LANGUAGES):
            assert block.first == len(found)
            read = list(block.pairs(*LANGUAGES))
            assert read == list(block.pairs(*LANGUAGES))
            found += read
    return whole, found


def pack(folder: Path, name: str, content: bytes, packing: str) -> None:
    if packing == "zip":
        with zipfile.ZipFile(folder / "a.zip", "a") as archive:
            archive.writestr(name, content)
    elif packing:
        (folder / f"{name}.{packing}").write_bytes({"gz": gzip, "xz": lzma}[packing].compress(content))
    else:
        (folder / name).write_bytes(content)


@settings(max_examples=150, deadline=None)
@given(lines, st.booleans(), st.sampled_from(["", "gz", "xz", "zip"]), st.integers(1, 5), st.integers(1, 40), st.data())
def test_line_aligned_text(texts, is_ended, packing, size, characters, data):
    other = data.draw(st.lists(st.sampled_from(LINES), min_size=len(texts), max_size=len(texts)))
    # Which the whole file would be taken for; and a last line of nothing is none.
    texts, other = (
        [b"x" if n == 0 and t[:2] == b"\xff\xfe" else t for n, t in enumerate(each)] for each in (texts, other)
    )
    if not is_ended and texts:
        texts[-1], other[-1] = texts[-1] or b"x", other[-1] or b"x"
    end = b"\n" if is_ended else b""
    with tempfile.TemporaryDirectory() as name, mock.patch.object(inputs, "CHUNK_BYTES", 7):
        for ending, side in (("en", texts), ("de", other)):
            pack(Path(name), f"news.{ending}", b"\n".join(side) + (end if side else b""), packing)
        whole, found = pairs_of(Path(name), size, characters)
    assert found == whole
    assert len(found) == len(texts)


@pytest.mark.parametrize("packing", ["", "gz", "zip"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("de-en.tsv", b"Eins.\tOne.\t0.5\nZwei\n\nDrei\xff\tThree\n" * 5),
        ("a.jsonl", b'{"source": "One.", "target": "Eins.", "domain": "d"}\n{"source": 1}\n{\n' * 5),
        ("a.tmx", b"<tmx><body>%s</body></tmx>" % (b'<tu><tuv lang="en"><seg>One.</seg></tuv>\n'
         b'<tuv lang="de"><seg>Eins.</seg></tuv></tu>' * 7)),
    ],
)  # fmt: skip
def test_other_formats(tmp_path, packing, name, content):
    pack(tmp_path, name, content, packing)
    for size, characters in ((1, 9), (2, 1 << 23), (4, 30)):
        whole, found = pairs_of(tmp_path, size, characters)
        assert found == whole
        assert len(found) >= 7


def test_parquet_is_cut_between_row_groups(tmp_path, monkeypatch):
    table = pa.table({"source": [f"One {n}." for n in range(10)], "target": [None, *(f"Eins {n}." for n in range(9))]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=3)
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 4)
    ((source,), _) = find_sources(locate(tmp_path), *LANGUAGES)
    found = [list(block.pairs(*LANGUAGES)) for block in cut_blocks(source, LANGUAGES)]
    assert [len(pairs) for pairs in found] == [6, 4]
    assert [pair for pairs in found for pair in pairs] == list(source.pairs(*LANGUAGES))


@pytest.mark.parametrize("packing", ["", "gz"])
@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_line_too_long_costs_one_pair(tmp_path, monkeypatch, packing, size):
    for name, value in (("MAX_LINE_BYTES", 50), ("OVERLONG_BYTES", 5), ("CHUNK_BYTES", 16)):
        monkeypatch.setattr(inputs, name, value)
    monkeypatch.setattr(blocks, "MAX_LINE_BYTES", 50)
    pack(tmp_path, "a.tsv", b"a\tb\n" + b"x" * 51 + b"\nc\td\n" + b"y" * 500 + b"\ne\tf\n" + b"z" * 90, packing)
    whole, found = pairs_of(tmp_path, size)
    assert found == whole
    assert [(pair.source_text, pair.fault is None) for pair in found] == [
        ("a", True), ("xxxxx", False), ("c", True), ("yyyyy", False), ("e", True), ("zzzzz", False),
    ]  # fmt: skip


@pytest.mark.parametrize("packing", ["", "gz"])
@pytest.mark.parametrize(("english", "german"), [(5, 3), (3, 5), (0, 1), (4, 0)])
@pytest.mark.parametrize("end", [b"", b"x"])
def test_files_of_different_lengths_are_refused(tmp_path, monkeypatch, packing, english, german, end):
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 2)
    monkeypatch.setattr(inputs, "CHUNK_BYTES", 3)
    for ending, count in (("en", english), ("de", german)):
        pack(tmp_path, f"news.{ending}", b"line\n" * count + end, packing)
    ((source,), _) = find_sources(locate(tmp_path), *LANGUAGES)
    errors = []
    for read in (lambda: list(source.pairs(*LANGUAGES)), lambda: list(cut_blocks(source, LANGUAGES))):
        with pytest.raises(XnerError) as error:
            read()
        errors.append(str(error.value))
    assert errors[0] == errors[1]
    assert f"has {english + bool(end)} lines" in errors[0]


def test_damage_is_named_as_it_is_when_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", 2)
    content = gzip.compress(b"".join(b"%d\tx\n" % (n * 7919) for n in range(4000)))
    (tmp_path / "a.tsv.gz").write_bytes(content[: len(content) // 2])
    ((source,), _) = find_sources(locate(tmp_path), *LANGUAGES)
    errors = []
    for read in (lambda: list(source.pairs(*LANGUAGES)), lambda: list(cut_blocks(source, LANGUAGES))):
        with pytest.raises(XnerError, match=r"after line .*: truncated or damaged") as error:
            read()
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_utf16_is_told_before_lines_are_counted(tmp_path):
    for ending, text in (("en", "One.\nTwo.\n"), ("de", "Eins.\u0a0a\nZwei.\n")):
        (tmp_path / f"news.{ending}").write_bytes(text.encode("utf-16"))
    ((source,), _) = find_sources(locate(tmp_path), *LANGUAGES)
    with pytest.raises(XnerError, match=r"news\.en: is UTF-16"):
        list(cut_blocks(source, LANGUAGES))
