import pickle
import re
import resource
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chaos.flaky_store import FlakyProxy
from xner_core.corpus.sources import domain_name
from xner_core.errors import StorageFailure, XnerError
from xner_core.storage import object_store
from xner_core.storage.files import locate, read_footer, read_json, read_table, write_json, write_table


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    return locate(tmp_path if request.param == "local" else request.getfixturevalue("s3_folder"))


def write(location, content: bytes):
    with location.open_output() as stream:
        stream.write(content)


def write_and_fail(location, content: bytes):
    with location.open_output() as stream:
        stream.write(content)
        raise KeyError


def read(location) -> bytes:
    with location.open_input() as stream:
        return stream.read()


def test_what_is_written_is_read(folder):
    write(folder / "a" / "b.bin", b"content")
    assert read(folder / "a" / "b.bin") == b"content"
    assert (folder / "a" / "b.bin").exists()
    assert (folder / "a").is_folder()
    assert not (folder / "a" / "b.bin").is_folder()


def test_a_name_does_not_change_the_content(folder):
    write(folder / "file.gz", b"content")
    assert read(folder / "file.gz") == b"content"


def test_a_file_is_replaced(folder):
    write(folder / "file", b"old, and longer")
    write(folder / "file", b"new")
    assert read(folder / "file") == b"new"


@pytest.mark.parametrize("size", [10, 12_000_000])
def test_an_exception_leaves_no_file(folder, size):
    # Larger than the pieces in which Arrow uploads, and smaller.
    with pytest.raises(KeyError):
        write_and_fail(folder / "file", b"x" * size)
    assert not (folder / "file").exists()
    assert folder.files() == []


def test_an_exception_leaves_the_file_as_it_was(folder):
    write(folder / "file", b"old")
    with pytest.raises(KeyError):
        write_and_fail(folder / "file", b"new")
    assert read(folder / "file") == b"old"


def test_files_lists_all_depths_in_order(folder):
    for name in ("b", "a/z", "a/b/c"):
        write(folder / name, b"x")
    files = folder.files()
    assert [file.relative_to(folder) for file in files] == ["a/b/c", "a/z", "b"]
    assert [file.name for file in files] == ["c", "z", "b"]


def test_no_folder_has_no_files(folder):
    assert (folder / "nothing").files() == []
    assert not (folder / "nothing").exists()


def test_an_unfinished_file_is_not_listed(tmp_path):
    folder = locate(tmp_path)
    with (folder / "file").open_output() as stream:
        stream.write(b"x")
        assert folder.files() == []
        assert len(list(tmp_path.iterdir())) == 1
    assert [file.name for file in folder.files()] == ["file"]


def test_deleted(folder):
    write(folder / "file", b"x")
    (folder / "file").delete()
    assert not (folder / "file").exists()


def test_an_address_gives_the_same_location_again(folder):
    write(folder / "file", b"x")
    for same in (locate(str(folder / "file")), pickle.loads(pickle.dumps(folder / "file"))):
        assert read(same) == b"x"
        assert str(same) == str(folder / "file")


def test_a_slash_at_the_end_makes_no_difference(folder):
    assert locate(f"{folder}/") == folder


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(locate("folder/file")) == f"{tmp_path}/folder/file"


def test_missing_file_is_named(folder):
    for reader in (read, read_table, read_json):
        with pytest.raises(XnerError, match=r"missing\.file: no such file"):
            reader(folder / "missing.file")


def test_unknown_scheme():
    with pytest.raises(XnerError, match="nowhere://bucket/file"):
        locate("nowhere://bucket/file")


def test_tables(folder):
    table = pa.table({"text": ["ä\u2028\n", None], "number": [1, 2]})
    write_table(folder / "table.parquet", table)
    assert read_table(folder / "table.parquet") == table
    assert read_table(folder / "table.parquet", ["number"]) == table.select(["number"])


def test_what_is_no_parquet_is_named(folder):
    write(folder / "table.parquet", b"PAR1 but not really")
    with pytest.raises(XnerError, match=r"table\.parquet: not a readable Parquet file"):
        read_table(folder / "table.parquet")


@pytest.mark.parametrize("columns", [None, ["text"]])
@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_damage_anywhere_is_seen(tmp_path, damage, columns):
    table = pa.table({"text": [f"text {number}" for number in range(500)]})
    write_table(locate(tmp_path / "good.parquet"), table)
    good = (tmp_path / "good.parquet").read_bytes()
    bad = tmp_path / "bad.parquet"
    for place in range(0, len(good), max(1, len(good) // 50)):
        flipped = bytes([good[place] ^ 16])
        bad.write_bytes(good[:place] if damage == "cut" else good[:place] + flipped + good[place + 1 :])
        try:
            found = read_table(locate(bad), columns)
        except XnerError:
            continue
        # A bit may be one that nobody reads, such as in the name of the library that wrote the file.
        assert damage == "bit"
        assert found.to_pydict() == table.to_pydict()
    assert read_footer(locate(tmp_path / "good.parquet")).num_rows == 500


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path):
    """A limit on the size of files fails a write as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))
    try:
        with pytest.raises(StorageFailure, match=r"full\.bin: could not be written .*run again"):
            write(locate(tmp_path / "full.bin"), b"x" * (1 << 17))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_json(folder):
    value = {"text": "ä\u2028", "list": [1, None, 2.5]}
    write_json(folder / "value.json", value)
    assert read_json(folder / "value.json") == value
    write(folder / "value.json", b"{")
    with pytest.raises(XnerError, match=r"value\.json: not valid JSON"):
        read_json(folder / "value.json")


# What people have in names of folders and files, and URIs have for something else.
NAMES = [
    "Nachrichten-für-alle",
    "新闻",
    "with space",
    "100%",
    "x%20y",
    "p+q",
    "run#2",
    "q?x=1",
    "s*t",
    "[b]",
    "{x}",
    "é",
]
NAMES += ["&=;:@,!$()", "~", "'\"", "<>|^`", "😀", "..x", " x ", "http:x"]


@contextmanager
def no_server():
    """Nothing is asked of it: all is about addresses."""
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        yield


@given(st.lists(st.text(), min_size=1, max_size=4).map("/".join))
@example("domain=Nachrichten-für-alle/x.parquet")
@example("run#2")
@example("a\nb")
@example("a//b")
@example("../b")
@example("a\\b")
@example("\udc80")
@example("x?endpoint_override=other")
def test_an_address_in_s3_is_kept_or_refused(key):
    assume(key.strip("/"))
    with no_server():
        refusal = None
        try:
            location = locate(f"s3://bucket/{key}")
        except XnerError as error:
            refusal = str(error)
        if refusal is not None:
            assert re.search("keep|AWS environment variables", refusal)
            return
        assert location.path == f"bucket/{key.rstrip('/')}"
        for same in (locate(str(location)), pickle.loads(pickle.dumps(location)), (location / "x").parent):
            assert same == location


@given(st.text())
@example("Nachrichten-für-alle")
def test_every_domain_is_kept_in_an_address(text):
    with no_server():
        for folder in ("s3://bucket/run", "/run"):
            file = locate(folder) / f"domain={domain_name(text)}" / "x.parquet"
            assert locate(str(file)) == file


@pytest.mark.parametrize("name", NAMES)
def test_a_local_address_is_kept(name):
    file = locate("/folder") / name / "file"
    assert locate(str(file)) == file
    assert pickle.loads(pickle.dumps(file)) == file


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///key", "s3://id:secret@bucket/key", "s3://Bücher/key", "s3://b ucket"]
)
def test_what_is_no_bucket_is_refused(address):
    with pytest.raises(XnerError, match="no name of a bucket"):
        locate(address)


def test_a_uri_of_another_storage_keeps_its_path(tmp_path):
    assert locate(f"file://{tmp_path}/a%20b%23").path == f"{tmp_path}/a b#"
    with pytest.raises(XnerError, match="write %23"):
        locate(f"file://{tmp_path}/run#2")


def test_any_name_is_written_listed_read_and_deleted(folder):
    for name in NAMES:
        write(folder / name / "file", name.encode())
    assert {file.parent.name for file in folder.files()} == set(NAMES)
    for file in map(locate, map(str, folder.files())):
        assert read(file) == file.parent.name.encode()
        file.delete()
    assert folder.files() == []


def test_what_is_gone_is_deleted(folder):
    (folder / "file").delete()
    (folder / "folder").delete_folder()
    write(folder / "folder" / "file", b"x")
    (folder / "folder").delete_folder()
    assert folder.files() == []


def test_clients_are_made_once_a_bucket(s3_bucket, s3_port, monkeypatch):
    files = [locate(f"{s3_bucket}/{number}") for number in range(2)]
    assert files[0].filesystem is files[1].filesystem
    assert object_store.s3_object(files[0].path)[0] is object_store.s3_object(files[1].path)[0]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://localhost:{s3_port}")
    assert locate(str(files[0])).filesystem is not files[0].filesystem


class CountsBytes(FlakyProxy):
    """Lets all pass, and adds up the bytes that are asked for."""

    asked = 0

    def fault(self, request):
        if request.command == "GET" and (found := re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))):
            self.asked += int(found[2]) - int(found[1]) + 1


def test_of_a_file_in_an_object_store_only_the_columns_that_are_read_are_fetched(s3_port, s3_folder, monkeypatch):
    chance = np.random.default_rng(0)
    table = pa.table({name: chance.integers(0, 2**62, 100_000) for name in "abcdefgh"} | {"number": range(100_000)})
    write_table(locate(s3_folder) / "table.parquet", table)
    with CountsBytes(s3_port, seed=1) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        location = locate(f"{s3_folder}/table.parquet")
        assert read_table(location, ["b", "f"]) == table.select(["b", "f"])
        two, proxy.asked = proxy.asked, 0
        assert read_table(location) == table
    assert 0.2 * proxy.asked < two < 0.3 * proxy.asked


def test_columns_of_a_damaged_file_and_of_none_are_refused_like_whole_ones(folder):
    write(folder / "table.parquet", b"PAR1 but not really")
    with pytest.raises(XnerError, match=r"table\.parquet: not a readable Parquet file"):
        read_table(folder / "table.parquet", ["number"])
    with pytest.raises(XnerError, match=r"missing\.file: no such file"):
        read_table(folder / "missing.file", ["number"])
