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
from xner_core.storage.files import locate


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
    write(tmp_path, "d.parquet", "README", "LICENSE.txt", "news.fr.gz", "alone.en", ".hidden", "alone.bz2")
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


@pytest.mark.parametrize(
    ("name", "turned", "domain"),
    [
        ("Statmt-news_commentary-16-deu-eng.tsv", True, "Statmt-news_commentary-16"),
        ("Statmt-news_commentary-16-eng-deu.tsv.gz", False, "Statmt-news_commentary-16"),
        ("news-de-en.tsv", True, "news"),
        ("news_de_en.tsv", True, "news"),
        ("x.de_en.clean.tsv", True, "x.clean"),
        ("x.de-en.dedup.tsv.gz", True, "x.dedup"),
        ("x.en-de.dedup.clean.tsv.xz", False, "x.dedup.clean"),
        ("tatoeba-test-v2021-08-07.deu-eng.tsv", True, "tatoeba-test-v2021-08-07"),
        ("ELRC-2922-EMEA-v1.de-en.tsv", True, "ELRC-2922-EMEA-v1"),
        ("deu_Latn-eng_Latn.tsv", True, "default"),
        ("nllb.eng_Latn-deu_Latn.tsv", False, "nllb"),
        ("de-DE_en-US.tsv", True, "default"),
        ("news.de_AT-en_GB.tsv", True, "news"),
        ("ger-eng.tsv", True, "default"),
        ("wmt.de2en.tsv", True, "wmt"),
        ("train-de-to-en.tsv", True, "train"),
        ("newstest2019-deen.tsv", True, "newstest2019"),
        ("newstest2019-ende-ref.tsv", False, "newstest2019.ref"),
        ("NEWS.DE-EN.TSV", True, "NEWS"),
        ("de.en.tsv", True, "default"),
        ("ted/de-en.tsv", True, "ted"),
        ("deu-eng/test.tsv", True, "test"),
        ("de-en.news/test.tsv", False, "test"),
        ("what-is-new.tsv", False, "what-is-new"),
        ("to-do-list.tsv", False, "to-do-list"),
        ("news.tsv.txt", False, "news"),
    ],
)
@pytest.mark.parametrize(("source", "target"), [("en", "de"), ("eng", "deu"), ("en", "de_DE")])
def test_the_order_of_the_languages_in_names(tmp_path, name, turned, domain, source, target):
    if target == "de_DE" and "de_AT" in name:
        pytest.skip("another variety")
    write(tmp_path, name)
    ((found,), warnings) = find_sources(locate(tmp_path), source, target)
    assert (found.name, found.reversed, found.domain, warnings) == (name, turned, domain, [])


@pytest.mark.parametrize(
    "name",
    ["a-deu-fra.tsv", "a-fra-eng.tsv", "a.de-fr.tsv", "a.fr-es.tmx", "a_en_fr.tsv", "a-eng_Latn-fra_Latn.tsv"],
)
def test_a_name_with_other_languages_is_left_out(tmp_path, name):
    write(tmp_path, name, "b.tsv")
    assert found(tmp_path) == [("b.tsv", "tsv", "b")]


@pytest.mark.parametrize(
    ("english", "german", "languages"),
    [
        ("news.eng", "news.deu", ("en", "de")),
        ("news.eng", "news.ger", ("en", "de")),
        ("news.en", "news.de", ("eng", "deu")),
        ("news.en_US.gz", "news.de_AT.gz", ("en", "de")),
        ("news.en-GB", "news.de-DE", ("en", "de")),
        ("news.en", "news.de", ("en", "de_DE")),
        ("news.eng_Latn", "news.deu_Latn", ("en", "de")),
        ("news.EN", "news.DE", ("en", "de")),
        ("news.en.txt", "news.de.txt", ("en", "de")),
        ("a-deu-eng.eng.gz", "a-deu-eng.deu.gz", ("en", "de")),
    ],
)
def test_moses_sides_by_codes_of_other_standards(tmp_path, english, german, languages):
    write(tmp_path, english, german, "news.fr", "news.de.md5")
    domain = "a" if english.startswith("a") else "news"
    assert found(tmp_path, *languages) == [(english, "moses", domain)]
    if "_" not in english and "-" not in english:
        assert found(tmp_path / english, *languages) == [(english, "moses", domain)]
        assert found(tmp_path / german, *languages) == [(english, "moses", domain)]


def test_the_very_code_goes_before_others(tmp_path):
    write(tmp_path, "news.en", "news.de", "news.deu", "news.de_AT")
    (source,), _ = find_sources(locate(tmp_path), "en", "de")
    assert [file.name for file in source.files] == ["news.en", "news.de"]
    (source,), _ = find_sources(locate(tmp_path), "en", "de_AT")
    assert [file.name for file in source.files] == ["news.en", "news.de_AT"]


def test_two_varieties_of_one_side_are_refused(tmp_path):
    write(tmp_path, "news.en", "news.zh_CN", "news.zh_TW")
    with pytest.raises(XnerError, match=r"news\.zh_CN and .*news\.zh_TW: each may be the text in zh; name"):
        find_sources(locate(tmp_path), "en", "zh")
    assert [file.name for file in find_sources(locate(tmp_path), "en", "zh_TW")[0][0].files] == [
        "news.en",
        "news.zh_TW",
    ]


HIDDEN = (
    "._news.en ._news.de .DS_Store Thumbs.db _SUCCESS .ipynb_checkpoints/c.tsv .ipynb_checkpoints/news.en "
    "__MACOSX/._news.en __MACOSX/sub/._a.tsv sub/._a.tsv _temporary/0/part.parquet _delta_log/1.jsonl .git/x.tsv "
    "~$a.tsv @eaDir/a.tsv $RECYCLE.BIN/a.tsv desktop.ini"
).split()


def test_hidden_files_are_left_out(tmp_path):
    write(tmp_path / "corpus", "news.en", "news.de", *HIDDEN)
    assert found(tmp_path / "corpus") == [("news.en", "moses", "news")]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("news.en", "news.de", *HIDDEN):
            archive.writestr(name, "x\n")
    assert found(tmp_path / "a.zip") == [("a.zip/news.en", "moses", "news")]
    write(tmp_path / "hidden", *HIDDEN)
    with pytest.raises(XnerError, match=r"found Thumbs\.db, desktop\.ini$"):
        find_sources(locate(tmp_path / "hidden"), "en", "de")
    # Unless it is what one asks for.
    write(tmp_path, "_mine/a.tsv", "_b.tsv")
    assert found(tmp_path / "_mine") == [("a.tsv", "tsv", "a")]
    assert found(tmp_path / "_b.tsv") == [("_b.tsv", "tsv", "b")]


def test_hidden_files_in_an_object_store(tmp_path, s3_folder):
    for name in ("news.en", "news.de", *HIDDEN):
        with (locate(s3_folder) / name).open_output() as stream:
            stream.write(b"x\n")
    assert found(s3_folder) == [("news.en", "moses", "news")]


def test_a_side_without_its_counterpart_is_warned_of(tmp_path):
    write(tmp_path, "a.tsv", "news.en", "talks.de.gz", "wiki.en", "wiki.fr", "x.de-fr.de", "README.md", "alone.fr")
    sources, (warning,) = find_sources(locate(tmp_path), "en", "de")
    assert [source.name for source in sources] == ["a.tsv"]
    assert warning == "not read, for there is no such file in the other language: news.en, talks.de.gz"


def test_what_has_to_be_unpacked_is_warned_of(tmp_path):
    write(tmp_path, "a.tsv", "b.tsv.bz2", "c.en.zst", "d.tar.gz", "README")
    with zipfile.ZipFile(tmp_path / "e.ZIP", "w") as archive:
        archive.writestr("inner.zip", "x")
        archive.writestr("B.TMX", "x")
    sources, (warning,) = find_sources(locate(tmp_path), "en", "de")
    assert [source.name for source in sources] == ["a.tsv", "e.ZIP/B.TMX"]
    assert warning == "not read, for it has to be unpacked first: b.tsv.bz2, c.en.zst, d.tar.gz, e.ZIP/inner.zip"


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
        ("007", "domain-007"),
        ("2019-01-01", "domain-2019-01-01"),
        ("1e5", "domain-1e5"),
        ("TRUE", "domain-TRUE"),
        ("9" * 90, "domain-" + "9" * 73),
        ("2019-news", "2019-news"),
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
