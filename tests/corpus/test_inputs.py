import gzip
import lzma
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xner_core.corpus import inputs
from xner_core.corpus.inputs import BadLine, InputFile, list_members, read_lines
from xner_core.errors import XnerError
from xner_core.storage.files import locate

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
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_a_line_that_is_not_utf8_is_a_bad_line_and_the_others_stay(tmp_path, monkeypatch, chunk, newline):
    monkeypatch.setattr(inputs, "CHUNK_BYTES", chunk)
    (tmp_path / "text").write_bytes(newline.join([b"one", b"zw\xc3\xb6", b"thr\xe4e", b"four", b"\xff", b""]))
    lines = list(read_lines(input_file(tmp_path / "text")))
    assert lines == ["one", "zw\u00f6", "thr\ufffde", "four", "\ufffd"]
    assert [line.fault for line in lines if isinstance(line, BadLine)] == [
        "not UTF-8 (byte 0xe4 at byte 4 of the line)",
        "not UTF-8 (byte 0xff at byte 1 of the line)",
    ]
    assert [isinstance(line, BadLine) for line in lines] == [False, False, True, False, True]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_is_refused_at_once(tmp_path, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    (tmp_path / "text").write_bytes(f"{mark}one\ntwo\n".encode(encoding))
    with pytest.raises(XnerError, match=r"text: is UTF-16; convert the file to UTF-8"):
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


@pytest.mark.parametrize("end", [b"", b"\n", b"\nlast\n"])
@pytest.mark.parametrize("chunk", [100, 10_000])
def test_a_line_too_long_for_memory_is_a_bad_line(tmp_path, monkeypatch, end, chunk):
    monkeypatch.setattr(inputs, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(inputs, "OVERLONG_BYTES", 10)
    monkeypatch.setattr(inputs, "CHUNK_BYTES", chunk)
    (tmp_path / "text").write_bytes(b"short\n" + b"x" * 50_000 + end)
    lines = list(read_lines(input_file(tmp_path / "text")))
    assert lines == ["short", "x" * 10, *(["last"] if b"last" in end else [])]
    assert (type(lines[0]), lines[1].fault) == (str, "longer than 1,000 bytes")


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


def test_members_lie_inside_whatever_the_archive_says_and_links_are_left_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../up.en", "/etc/root.en", "C:\\dir\\back.en", "./a/./b.en"):
            archive.writestr(name, f"{name}\n")
        link = zipfile.ZipInfo("link.en")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    members = list_members(input_file(path))
    assert {member.name: list(read_lines(member)) for member in members} == {
        "a.zip/up.en": ["../../up.en"],
        "a.zip/etc/root.en": ["/etc/root.en"],
        "a.zip/C:/dir/back.en": ["C:\\dir\\back.en"],
        "a.zip/a/b.en": ["./a/./b.en"],
    }
    assert {member.location.path for member in members} == {str(path)}


def test_an_encrypted_member_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.en", "x\n")
    content = bytearray(path.read_bytes())
    for header in (b"PK\x03\x04", b"PK\x01\x02"):
        content[content.index(header) + (6 if header.endswith(b"\x04") else 8)] |= 1
    path.write_bytes(content)
    (member,) = list_members(input_file(path))
    with pytest.raises(XnerError, match=r"a\.zip/a\.en: cannot be read \(.*encrypted.*\); unpack the archive first"):
        list(read_lines(member))


@pytest.fixture
def small_floor(monkeypatch):
    monkeypatch.setattr(inputs, "INFLATION_FLOOR", 100_000)


def read_whole(path) -> bytes:
    return b"".join(input_file(path).chunks())


BOMB = b"\n" * 1_000_000


@pytest.mark.parametrize(("ending", "compress"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_compressed_bomb_is_refused(tmp_path, small_floor, ending, compress):
    path = tmp_path / f"text{ending}"
    path.write_bytes(compress(BOMB))
    for read in (lambda: list(read_lines(input_file(path))), lambda: read_whole(path)):
        with pytest.raises(XnerError, match=rf"text\{ending}: inflates to more than 100 times its size"):
            read()


@pytest.mark.parametrize("nested", [False, True])
def test_an_archive_is_bounded_over_all_its_members(tmp_path, small_floor, nested):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            part = BOMB[:90_000]
            archive.writestr(f"{number}.gz" if nested else f"{number}", gzip.compress(part) if nested else part)
    lines = (line for member in list_members(input_file(path)) for line in read_lines(member))
    with pytest.raises(XnerError, match=r"a\.zip: inflates to more than 100 times its size"):
        list(lines)


def test_text_that_compresses_well_is_no_bomb(tmp_path, small_floor):
    text = b"".join(b"Sentence %d of the committee's report.\n" % number for number in range(20_000))
    (tmp_path / "a.gz").write_bytes(gzip.compress(text))
    assert read_whole(tmp_path / "a.gz") == text
    (tmp_path / "plain").write_bytes(BOMB)
    assert read_whole(tmp_path / "plain") == BOMB
