import gzip
import json
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xner_core.corpus import readers
from xner_core.corpus.inputs import InputFile
from xner_core.corpus.readers import RawPair, read_json_lines, read_moses, read_parquet, read_tsv
from xner_core.corpus.tmx import read_tmx
from xner_core.errors import XnerError
from xner_core.files import locate


def write(path, content: str | bytes) -> InputFile:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return InputFile(locate(path), path.name)


def test_moses(tmp_path):
    english = write(tmp_path / "a.en", "One.\n\nThree\u2028three.\n")
    german = write(tmp_path / "a.de.gz", gzip.compress(b"Eins.\nZwei.\nDrei\x0cdrei."))
    assert list(read_moses(english, german)) == [
        RawPair("One.", "Eins.", 1),
        RawPair("", "Zwei.", 2),
        RawPair("Three\u2028three.", "Drei\x0cdrei.", 3),
    ]


@pytest.mark.parametrize(("english", "german"), [(3, 5), (5, 3), (0, 1), (2, 1)])
def test_unequal_line_counts_name_both_files_and_both_counts(tmp_path, english, german):
    files = write(tmp_path / "a.en", "x\n" * english), write(tmp_path / "a.de", "y\n" * german)
    with pytest.raises(XnerError, match=rf"a\.en has {english} lines but .*a\.de has {german}:"):
        list(read_moses(*files))


def test_tsv(tmp_path):
    file = write(tmp_path / "a.tsv", 'One "1".\tEins.\nTwo.\tZwei.\t0.5\n\t\t-1e3\n')
    assert list(read_tsv(file, "en", "de")) == [
        RawPair('One "1".', "Eins.", 1),
        RawPair("Two.", "Zwei.", 2, 0.5),
        RawPair("", "", 3, -1000.0),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no tab", "1 tab-separated columns; expected 2"),
        ("", "1 tab-separated columns; expected 2"),
        ("a\tb\t1\tc", "4 tab-separated columns"),
        ("a\tb\thigh", "the score must be a finite number, not 'high'"),
        ("a\tb\tnan", "the score must be a finite number"),
        ("a\tb\t", "the score must be a finite number"),
    ],
)
def test_a_malformed_tsv_line_is_named(tmp_path, line, reason):
    file = write(tmp_path / "a.tsv", f"good\tgut\n{line}\n")
    with pytest.raises(XnerError, match=rf"a\.tsv, line 2: {reason}"):
        list(read_tsv(file, "en", "de"))


ROWS = [
    ({"source": "One.", "target": "Eins."}, RawPair("One.", "Eins.", 1)),
    ({"en": "One.", "de": "Eins.", "id": 7}, RawPair("One.", "Eins.", 1)),
    ({"translation": {"de": "Eins.", "en": "One."}, "score": 2}, RawPair("One.", "Eins.", 1, 2.0)),
    (
        {"source": "One.\n", "target": "Eins.", "score": None, "domain": "news", "origin": "x.com"},
        RawPair("One.\n", "Eins.", 1, None, "news", "x.com"),
    ),
    ({"source": None, "target": "Eins."}, RawPair("", "Eins.", 1)),
]


@pytest.mark.parametrize(("row", "expected"), ROWS)
def test_json_lines_and_parquet_take_the_same_rows(tmp_path, row, expected):
    file = write(tmp_path / "a.jsonl", json.dumps(row) + "\n")
    assert list(read_json_lines(file, "en", "de")) == [expected]
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "a.parquet")
    assert list(read_parquet(InputFile(locate(tmp_path / "a.parquet"), "a.parquet"), "en", "de")) == [expected]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not valid JSON"),
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('["a", "b"]', "a JSON object is expected, not list"),
        ('{"en": "a", "fr": "b"}', "keys en, fr; expected source and target, or en and de"),
        ('{"translation": {"en": "a", "fr": "b"}}', "keys translation; expected"),
        ('{"source": "a", "target": 5}', "a text is expected, not int"),
        ('{"source": "a", "target": "b", "score": "high"}', "the score must be a finite number"),
        ('{"source": "a", "target": "b", "score": true}', "the score must be a finite number"),
        ('{"source": "a", "target": "b", "score": 1e999}', "the score must be a finite number"),
        ('{"source": "a", "target": "b", "domain": 1}', "domain must be text, not int"),
        ('{"source": "a", "target": "\\ud800"}', "not valid Unicode"),
    ],
)
def test_a_malformed_json_line_is_named(tmp_path, line, reason):
    file = write(tmp_path / "a.jsonl", '{"en": "a", "de": "b"}\n' + line + "\n")
    with pytest.raises(XnerError, match=rf"a\.jsonl, line 2: {reason}"):
        list(read_json_lines(file, "en", "de"))


def test_parquet_goes_on_over_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "PARQUET_BATCH", 3)
    texts = [str(number) for number in range(10)]
    pq.write_table(pa.table({"en": texts, "de": texts, "unread": texts}), tmp_path / "a.parquet")
    file = InputFile(locate(tmp_path / "a.parquet"), "a.parquet")
    pairs = list(read_parquet(file, "en", "de"))
    assert [pair.source_text for pair in pairs] == texts
    assert [pair.line for pair in pairs] == list(range(1, 11))


def test_what_is_no_parquet_is_named(tmp_path):
    file = write(tmp_path / "a.parquet", b"PAR1 and then nothing")
    with pytest.raises(XnerError, match=r"a\.parquet, after row 0: not a readable Parquet file"):
        list(read_parquet(file, "en", "de"))


def test_parquet_without_the_languages_is_named(tmp_path):
    pq.write_table(pa.table({"en": ["a"], "fr": ["b"]}), tmp_path / "a.parquet")
    with pytest.raises(XnerError, match=r"a\.parquet, line 1: keys en; expected"):
        list(read_parquet(InputFile(locate(tmp_path / "a.parquet"), "a.parquet"), "en", "de"))


def tmx(*units: str, prolog: str = '<!DOCTYPE tmx SYSTEM "tmx14.dtd">') -> str:
    """A document with the first unit on line 7."""
    start = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        prolog,
        '<tmx version="1.4">',
        '<header srclang="en">',
        "</header>",
    ]
    return "\n".join([*start, "<body>", *units, "</body>", "</tmx>", ""])


def unit(**segments: str) -> str:
    variants = "".join(
        f'<tuv xml:lang="{lang.replace("_", "-")}"><seg>{text}</seg></tuv>' for lang, text in segments.items()
    )
    return f"<tu>{variants}</tu>"


def test_tmx(tmp_path):
    content = tmx(
        unit(en="One &amp; &#x1F600; only.", de="Ein &lt;b&gt;"),
        unit(en="No German.", fr="Pas d'allemand."),
        unit(de_AT="Zuerst Deutsch.", EN_gb="German first."),
        unit(en="First.", de="Erste.", EN="Second."),
        '<tu><tuv lang="en"><seg>Old attribute</seg></tuv><tuv lang="de"><seg/></tuv></tu>',
    )
    assert list(read_tmx(write(tmp_path / "a.tmx", content), "en", "de")) == [
        RawPair("One & \U0001f600 only.", "Ein <b>", 7),
        RawPair("German first.", "Zuerst Deutsch.", 9),
        RawPair("First.", "Erste.", 10),
        RawPair("Old attribute", "", 11),
    ]


def test_tmx_leaves_out_native_codes_and_keeps_highlighted_text(tmp_path):
    english = (
        'A <bpt i="1">&lt;b&gt;</bpt>bold<ept i="1">&lt;/b&gt;</ept> <hi>high</hi><ph>{1}<sub>sub</sub></ph> word.'
    )
    file = write(tmp_path / "a.tmx", tmx(unit(en=english, de="x")))
    assert [pair.source_text for pair in read_tmx(file, "en", "de")] == ["A bold high word."]


def test_tmx_language_with_subtag_is_matched_whole(tmp_path):
    file = write(tmp_path / "a.tmx", tmx(unit(en="a", zh_TW="tw", zh_CN="cn"), unit(en="b", zh="any")))
    assert [pair.target_text for pair in read_tmx(file, "en", "zh_CN")] == ["cn"]
    assert [pair.target_text for pair in read_tmx(file, "en", "zh")] == ["tw", "any"]


BOMB = '<!DOCTYPE tmx [<!ENTITY a "xxxxxxxxxx"><!ENTITY b "&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "prolog",
    [
        BOMB,
        '<!DOCTYPE tmx [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE tmx [<!ENTITY % x "y">]>',
    ],
)
def test_tmx_with_entity_declarations_is_refused(tmp_path, prolog):
    file = write(tmp_path / "a.tmx", tmx(unit(en="One.", de="&b;"), prolog=prolog))
    with pytest.raises(XnerError, match=r"a\.tmx, line 2: refused, for it declares an XML entity"):
        list(read_tmx(file, "en", "de"))


def test_truncated_tmx_is_named(tmp_path):
    content = tmx(*[unit(en="One.", de="Eins.")] * 3)
    file = write(tmp_path / "a.tmx", content[:-30])
    with pytest.raises(XnerError, match=r"a\.tmx: not well-formed TMX, or truncated \(.*line 9,"):
        list(read_tmx(file, "en", "de"))


def test_truncated_tmx_gz_is_named(tmp_path):
    content = gzip.compress(tmx(*[unit(en=str(n * 7919), de=str(n)) for n in range(20_000)]).encode())
    file = write(tmp_path / "a.tmx.gz", content[: len(content) // 2])
    with pytest.raises(XnerError, match=r"a\.tmx\.gz, after line \d{3,}: truncated or damaged"):
        list(read_tmx(file, "en", "de"))


def test_bad_utf8_in_tmx_is_named(tmp_path):
    file = write(tmp_path / "a.tmx", tmx(unit(en="One.", de="Zw\xe4")).encode("latin-1"))
    with pytest.raises(XnerError, match=r"a\.tmx: not well-formed TMX.*line 7"):
        list(read_tmx(file, "en", "de"))


def test_tmx_segment_too_long_for_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "MAX_LINE_BYTES", 1000)
    file = write(tmp_path / "a.tmx", tmx(unit(en="x" * 600_000, de="y")))
    with pytest.raises(XnerError, match=r"a\.tmx, line 7: a segment of over 1,000 characters"):
        list(read_tmx(file, "en", "de"))


def test_tmx_memory_does_not_grow_with_the_file(tmp_path):
    def peak(units: int) -> int:
        file = write(tmp_path / "a.tmx", tmx(*[unit(en="x" * 500, de="y" * 500)] * units))
        tracemalloc.start()
        try:
            assert sum(1 for _ in read_tmx(file, "en", "de")) == units
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(1000), peak(10_000)
    assert large < small + 500_000
