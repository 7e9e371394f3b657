import gzip
import lzma
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus import inputs
from xner_core.corpus.inputs import InputFile, list_members, read_lines
from xner_core.errors import XnerError
from xner_core.files import locate

# What Python's own `splitlines`, and other readers, split at.
SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"


def input_file(path) -> InputFile:
    return InputFile(locate(path), path.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lines")


@pytest.mark.parametrize("ending", ["", ".gz", ".xz"])
@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8") | st.sampled_from(SEPARATORS))),
    chunk=st.integers(1, 50),
    windows=st.booleans(),
    final=st.booleans(),
)
def test_lines_are_split_at_line_feeds_only(folder, ending, lines, chunk, windows, final):
    if lines and lines[0].startswith("\ufeff"):
        lines[0] = "x" + lines[0]
    newline = "\r\n" if windows else "\n"
    text = newline.join(lines)
    # Without a newline at the end, an empty last line cannot be told from none.
    final = final or (bool(lines) and not lines[-1])
    content = (text + (newline if lines and final else "")).encode()
    path = folder / f"text{ending}"
    path.write_bytes({"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[ending](content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "CHUNK_BYTES", chunk)
        assert list(read_lines(input_file(path))) == lines


def test_only_one_carriage_return_and_only_at_the_end_is_dropped(tmp_path):
    (tmp_path / "text").write_bytes(b"a\r\r\nb\rc\n\r\n")
    assert list(read_lines(input_file(tmp_path / "text"))) == ["a\r", "b\rc", ""]


def test_byte_order_mark_is_dropped_at_the_start_only(tmp_path):
    (tmp_path / "text").write_bytes("\ufeffa\n\ufeffb\n".encode())
    assert list(read_lines(input_file(tmp_path / "text"))) == ["a", "\ufeffb"]


@pytest.mark.parametrize("chunk", [3, 1 << 18])
def test_bad_utf8_is_named_with_its_line(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(inputs, "CHUNK_BYTES", chunk)
    (tmp_path / "text").write_bytes(b"one\ntwo\nthr\xe4e\nfour\n")
    with pytest.raises(XnerError, match=r"text, line 3: not UTF-8 \(byte 0xe4 at byte 4 of the line\)"):
        list(read_lines(input_file(tmp_path / "text")))


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("keep", [0, 0.5, 0.99])
def test_a_truncated_file_is_named_with_its_line(tmp_path, ending, compress, keep):
    content = compress(b"".join(b"%d\n" % (number * 7919) for number in range(200_000)))
    path = tmp_path / f"text{ending}"
    path.write_bytes(content[: int(len(content) * keep)])
    read = []
    with pytest.raises(XnerError, match=rf"text\{ending}, after line \d+: truncated or damaged") as error:
        read.extend(read_lines(input_file(path)))
    assert f"after line {len(read)}:" in str(error.value)
    assert len(read) >= keep * 100_000


def test_a_damaged_gz_is_named(tmp_path):
    content = bytearray(gzip.compress(b"line\n" * 1000))
    content[-6] ^= 1
    (tmp_path / "text.gz").write_bytes(content)
    with pytest.raises(XnerError, match=r"text\.gz, after line 1000: truncated or damaged \(CRC"):
        list(read_lines(input_file(tmp_path / "text.gz")))


def test_a_line_too_long_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(inputs, "CHUNK_BYTES", 100)
    (tmp_path / "text").write_bytes(b"short\n" + b"x" * 5000)
    with pytest.raises(XnerError, match=r"text, line 2: longer than 1,000 bytes"):
        list(read_lines(input_file(tmp_path / "text")))


def test_zip_members(tmp_path):
    path = tmp_path / "opus.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner/b.txt", "1\n2")
        archive.writestr("a.txt.gz", gzip.compress(b"x\ny\n"))
        archive.mkdir("empty")
    members = list_members(input_file(path))
    assert [member.name for member in members] == ["opus.zip/a.txt.gz", "opus.zip/inner/b.txt"]
    assert [list(read_lines(member)) for member in members] == [["x", "y"], ["1", "2"]]
    assert str(members[1]) == f"{path}/inner/b.txt"


def test_a_truncated_zip_is_named(tmp_path):
    path = tmp_path / "opus.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "text" * 1000)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(XnerError, match=r"opus\.zip: truncated or not a zip archive"):
        list_members(input_file(path))


def test_a_damaged_zip_member_is_named(tmp_path):
    path = tmp_path / "opus.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "text\n" * 1000)
    content = bytearray(path.read_bytes())
    content[2000] ^= 1
    path.write_bytes(content)
    (member,) = list_members(input_file(path))
    with pytest.raises(XnerError, match=r"opus\.zip/a, after line \d+: truncated or damaged \(Bad CRC"):
        list(read_lines(member))
