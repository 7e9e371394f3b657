import gzip
import lzma
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xner_core.corpus.naming import domain_name
from xner_core.corpus.sources import find_sources
from xner_core.errors import XnerError
from xner_core.files import locate


def write(folder, *names: str, content: bytes = b"x\n") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            gzip.compress(content)
            if name.endswith(".gz")
            else lzma.compress(content)
            if name.endswith(".xz")
            else content
        )


def found(path, source="en", target="de") -> list[tuple[str, str, str]]:
    return [(each.name, each.format, each.domain) for each in find_sources(locate(path), source, target)[0]]


def test_a_folder_gives_all_files_of_the_pair_in_order(tmp_path):
    write(tmp_path, "news.en.gz", "news.de.gz", "talks/ted.de", "talks/ted.en.xz", "b.tsv", "c.tmx.gz", "a.jsonl.xz")
    write(tmp_path, "d.parquet", "README", "LICENSE.txt", "news.fr.gz", "alone.en", ".hidden")
    assert found(tmp_path) == [
        ("a.jsonl.xz", "jsonl", "a"),
        ("b.tsv", "tsv", "b"),
        ("c.tmx.gz", "tmx", "c"),
        ("d.parquet", "parquet", "d"),
        ("news.en.gz", "moses", "news"),
        ("talks/ted.en.xz", "moses", "ted"),
    ]


def test_only_the_files_of_the_requested_pair_are_taken(tmp_path):
    write(tmp_path, *(f"Europarl.{pair}.{side}" for pair in ("de-en", "en-fr") for side in pair.split("-")))
    write(tmp_path, "wiki.de-fr.tsv", "wiki.en-fr.tmx", "wiki.en-de.tsv", "what-is-new.tsv")
    assert found(tmp_path) == [
        ("Europarl.de-en.en", "moses", "Europarl"),
        ("what-is-new.tsv", "tsv", "what-is-new"),
        ("wiki.en-de.tsv", "tsv", "wiki"),
    ]
    assert found(tmp_path, target="fr")[0] == ("Europarl.en-fr.en", "moses", "Europarl")


def test_a_regional_language_code(tmp_path):
    write(tmp_path, "bible-uedin.en-zh_CN.en", "bible-uedin.en-zh_CN.zh_CN")
    assert found(tmp_path, target="zh_CN") == [("bible-uedin.en-zh_CN.en", "moses", "bible-uedin")]


def test_domain_of_a_file_named_by_its_languages_alone(tmp_path):
    write(tmp_path, "ted/de-en.tmx", "de-en.tsv")
    assert found(tmp_path) == [("de-en.tsv", "tsv", "default"), ("ted/de-en.tmx", "tmx", "ted")]


def test_an_opus_zip_alone_or_in_a_folder(tmp_path):
    with zipfile.ZipFile(tmp_path / "de-en.txt.zip", "w") as archive:
        for name in ("README", "LICENSE", "Europarl.de-en.de", "Europarl.de-en.en", "Europarl.de-en.xml"):
            archive.writestr(name, "x\n")
        archive.writestr("tables/x.parquet", "cannot be streamed")
    expected = [("de-en.txt.zip/Europarl.de-en.en", "moses", "Europarl")]
    assert found(tmp_path) == expected
    assert found(tmp_path / "de-en.txt.zip") == expected


@pytest.mark.parametrize("name", ["news.en.gz", "news.de"])
def test_one_file_of_a_moses_pair_brings_the_other(tmp_path, name):
    write(tmp_path, "news.en.gz", "news.de", "other.en", "other.de")
    assert found(tmp_path / name) == [("news.en.gz", "moses", "news")]


def test_columns_follow_the_languages_in_the_files_name(tmp_path):
    write(tmp_path, "a.de-en.tsv", "a.en-de.tsv", content=b"first\tsecond\t0.5\n")
    texts = [next(source.pairs("en", "de")) for source in find_sources(locate(tmp_path), "en", "de")[0]]
    assert [(pair.source_text, pair.target_text) for pair in texts] == [("second", "first"), ("first", "second")]


def test_nothing_of_the_pair_lists_what_was_found(tmp_path):
    write(tmp_path, "news.en", "news.fr", "README")
    with pytest.raises(XnerError, match=r"no parallel text of en and de.*found README, news\.en, news\.fr"):
        find_sources(locate(tmp_path), "en", "de")
    with pytest.raises(XnerError, match="no parallel text of en and de"):
        find_sources(locate(tmp_path / "news.en"), "en", "de")


def test_nothing_there(tmp_path):
    with pytest.raises(XnerError, match=r"nowhere: no such file or folder"):
        find_sources(locate(tmp_path / "nowhere"), "en", "de")


def test_the_same_text_plain_and_compressed_is_refused(tmp_path):
    write(tmp_path, "news.en", "news.en.gz", "news.de")
    with pytest.raises(XnerError, match=r"news\.en and .*news\.en\.gz: the same text twice"):
        find_sources(locate(tmp_path), "en", "de")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("news", "news"),
        ("News Commentary/v16", "News-Commentary-v16"),
        ("../../etc", "etc"),
        ("a=b%20", "a-b-20"),
        ("新闻", "新闻"),
        ("_x.", "x"),
        ("???", "default"),
        ("", "default"),
    ],
)
def test_domain_names(text, name):
    assert domain_name(text) == name


@given(st.text())
def test_domain_names_are_safe_in_paths_and_partitions(text):
    name = domain_name(text)
    assert re.fullmatch(r"[^\W_][\w.-]{0,79}", name)
    assert domain_name(name) == name
