import gzip
import json
import math
import re
import tracemalloc
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xner_core.corpus import inputs, readers
from xner_core.corpus import tmx as tmx_reader
from xner_core.corpus.inputs import InputFile
from xner_core.corpus.readers import RawPair, read_json_lines, read_moses, read_parquet, read_tsv
from xner_core.corpus.tmx import read_tmx
from xner_core.errors import XnerError
from xner_core.storage.files import locate


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
def test_a_malformed_tsv_line_costs_one_pair(tmp_path, line, reason):
    file = write(tmp_path / "a.tsv", f"good\tgut\n{line}\nbetter\tbesser\n")
    first, bad, last = read_tsv(file, "en", "de")
    assert (first, last) == (RawPair("good", "gut", 1), RawPair("better", "besser", 3))
    assert bad.fault.startswith(f"a.tsv, line 2: {reason}")
    # Nothing of the line is lost.
    assert (bad.line, bad.score, "\t".join((bad.source_text, bad.target_text)).rstrip("\t")) == (2, None, line.rstrip())


def test_lines_that_are_not_utf8_cost_one_pair_each(tmp_path):
    file = write(tmp_path / "a.tsv", b"good\tgut\nb\xe4d\tb\xf6se\n")
    assert list(read_tsv(file, "en", "de")) == [
        RawPair("good", "gut", 1),
        RawPair("b\ufffdd", "b\ufffdse", 2, fault="a.tsv, line 2: not UTF-8 (byte 0xe4 at byte 2 of the line)"),
    ]
    file = write(tmp_path / "a.jsonl", b'{"en": "a", "de": "b"}\n{"en": "\xe4", "de": "b"}\n')
    assert list(read_json_lines(file, "en", "de"))[1:] == [
        RawPair(
            '{"en": "\ufffd", "de": "b"}', "", 2, fault="a.jsonl, line 2: not UTF-8 (byte 0xe4 at byte 9 of the line)"
        )
    ]


def test_moses_lines_stay_aligned_around_one_that_is_not_utf8(tmp_path):
    english = write(tmp_path / "a.en", b"One.\nTw\xf6.\nThree.\nFour.\n")
    german = write(tmp_path / "a.de", b"Eins.\nZwei.\nDr\xe9i.\nVier.\n")
    pairs = list(read_moses(english, german))
    assert [pair[:3] for pair in pairs] == [
        ("One.", "Eins.", 1),
        ("Tw\ufffd.", "Zwei.", 2),
        ("Three.", "Dr\ufffdi.", 3),
        ("Four.", "Vier.", 4),
    ]
    assert [pair.fault for pair in pairs] == [
        None,
        "a.en, line 2: not UTF-8 (byte 0xf6 at byte 3 of the line)",
        "a.de, line 3: not UTF-8 (byte 0xe9 at byte 3 of the line)",
        None,
    ]


ROWS = [
    ({"source": "One.", "target": "Eins."}, RawPair("One.", "Eins.", 1)),
    ({"en": "One.", "de": "Eins.", "id": 7}, RawPair("One.", "Eins.", 1)),
    ({"translation": {"de": "Eins.", "en": "One."}, "score": 2}, RawPair("One.", "Eins.", 1, 2.0)),
    (
        {"source": "One.\n", "target": "Eins.", "score": None, "domain": "news", "origin": "x.com"},
        RawPair("One.\n", "Eins.", 1, None, "news", "x.com"),
    ),
    ({"source": None, "target": "Eins."}, RawPair("", "Eins.", 1)),
    # Null rows.
    ({"translation": None}, RawPair("", "", 1)),
    ({"translation": None, "source": "Europarl", "target": "de"}, RawPair("", "", 1)),
    ({"translation": {"en": None, "de": "Eins."}}, RawPair("", "Eins.", 1)),
    ({"en": None, "de": None, "score": 1}, RawPair("", "", 1, 1.0)),
    ({"source": None, "target": None}, RawPair("", "", 1)),
    # What says where a row comes from is not its text.
    ({"source": "Europarl", "target": "de", "translation": {"en": "One.", "de": "Eins."}}, RawPair("One.", "Eins.", 1)),
    ({"source": "news", "target": "web", "en": "One.", "de": "Eins."}, RawPair("One.", "Eins.", 1)),
    ({"source": "news", "en": "One.", "de": "Eins."}, RawPair("One.", "Eins.", 1)),
    ({"en": "x", "de": "y", "translation": {"en": "One.", "de": "Eins."}}, RawPair("One.", "Eins.", 1)),
    ({"en": "One.", "de": "Eins.", "translation": "human"}, RawPair("One.", "Eins.", 1)),
    ({"source": "One.", "target": "Eins.", "translation": "human"}, RawPair("One.", "Eins.", 1)),
    # Codes of other standards.
    ({"eng": "One.", "deu": "Eins.", "id": "1"}, RawPair("One.", "Eins.", 1)),
    ({"translation": {"eng_Latn": "One.", "deu_Latn": "Eins."}}, RawPair("One.", "Eins.", 1)),
    ({"en-GB": "Two.", "en": "One.", "de_AT": "Eins."}, RawPair("One.", "Eins.", 1)),
    ({"EN": "One.", "DE": "Eins."}, RawPair("One.", "Eins.", 1)),
]


def test_the_number_of_a_row_is_not_indonesian(tmp_path):
    file = write(
        tmp_path / "a.jsonl", '{"id": "7", "source": "One.", "target": "Satu."}\n{"id": "Satu.", "en": "One."}\n'
    )
    assert list(read_json_lines(file, "en", "id")) == [RawPair("One.", "Satu.", 1), RawPair("One.", "Satu.", 2)]


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
        ('{"source": "a", "target": "b", "origin": "\\ud800"}', "not valid Unicode"),
        ('{"source": "a", "target": "b", "domain": "\\ud800"}', "not valid Unicode"),
        ('{"\\ud800": "a"}', r"keys \ud800; expected"),
        ('{"source": "a", "target": "b", "score": ' + "9" * 5000 + "}", "not valid JSON"),
        ('{"source": "a", "target": "b", "origin": {"url": "x"}}', "origin must be text, not dict"),
        ('{"source": "a", "target": "b", "score": {"laser": 1}}', "the score must be a finite number"),
        ('{"source": "a", "target": "b", "score": NaN}', "the score must be a finite number"),
        ('{"source": ' + '{"a": ' * 5000 + "1" + "}" * 5000 + "}", "not valid JSON"),
        ('{"source": "en", "target": "de", "sentence": "a"}', "source and target say which languages, not what"),
        ('{"source": "de", "target": "en", "sentence": "a"}', "source and target say which languages, not what"),
        ('{"source": [1], "target": "en"}', "a text is expected, not list"),
        ('{"en": "text", "source": "news", "target": "web"}', "ambiguous, having en as well as source and target"),
        ('{"de": null, "source": "news", "target": "web"}', "ambiguous, having de as well as source and target"),
        (
            '{"translation": {"en": "a"}, "source": "news", "target": "de"}',
            "keys source, target, translation; expected",
        ),
    ],
)
def test_a_malformed_json_line_costs_one_pair(tmp_path, line, reason):
    file = write(tmp_path / "a.jsonl", '{"en": "a", "de": "b"}\n' + line + '\n{"en": "c", "de": "d"}\n')
    first, bad, last = read_json_lines(file, "en", "de")
    assert (first, last) == (RawPair("a", "b", 1), RawPair("c", "d", 3))
    assert bad.fault.startswith(f"a.jsonl, line 2: {reason}")
    assert bad[:6] == (line, "", 2, None, None, None)
    assert len(bad.fault) < 400


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
    (pair,) = read_parquet(InputFile(locate(tmp_path / "a.parquet"), "a.parquet"), "en", "de")
    assert pair.fault.startswith("a.parquet, line 1: keys en; expected")


NOT_UTF8 = pa.array([b"one", b"tw\xf6", b"three", None]).cast(pa.binary()).view(pa.string())


@pytest.mark.parametrize("nested", [False, True])
def test_parquet_values_that_are_no_text_cost_one_pair_each(tmp_path, nested):
    german = pa.array(["eins", "zwei", "drei", "vier"])
    columns = {"en": NOT_UTF8, "de": german}
    if nested:
        columns = {"translation": pa.StructArray.from_arrays([NOT_UTF8, german], ["en", "de"])}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    pairs = list(read_parquet(InputFile(locate(tmp_path / "a.parquet"), "a.parquet"), "en", "de"))
    assert [pairs[0], *pairs[2:]] == [RawPair("one", "eins", 1), RawPair("three", "drei", 3), RawPair("", "vier", 4)]
    assert pairs[1].fault == "a.parquet, line 2: not UTF-8"
    assert "tw\ufffd" in pairs[1].source_text
    assert "zwei" in pairs[1].source_text


@pytest.mark.parametrize(
    ("column", "values", "bad"),
    [
        ("score", [0.5, math.nan, math.inf], {2, 3}),
        ("score", ["0.5", "high", None], {2}),
        ("domain", [1, 2, None], {1, 2}),
        ("domain", [["news"], None, None], {1}),
        ("origin", [None, datetime(2020, 1, 1), None], {2}),
        ("en", [b"One.", None, b"Three."], {1, 3}),
        ("en", [1.0, math.nan, None], {1, 2}),
    ],
)
def test_parquet_metadata_of_another_type_costs_its_rows(tmp_path, column, values, bad):
    columns = {"en": ["One.", "Two.", "Three."], "de": ["Eins.", "Zwei.", "Drei."]}
    pq.write_table(pa.table(columns | {column: values}), tmp_path / "a.parquet")
    pairs = list(read_parquet(InputFile(locate(tmp_path / "a.parquet"), "a.parquet"), "en", "de"))
    assert {pair.line for pair in pairs if pair.fault} == bad
    assert len(pairs) == 3


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


def test_tmx_language_may_have_any_code(tmp_path):
    file = write(tmp_path / "a.tmx", tmx(unit(**{"eng": "a", "cmn-Hant": "tw"}), unit(**{"EN-GB": "b", "zho": "any"})))
    assert [pair.target_text for pair in read_tmx(file, "en", "zh")] == ["tw", "any"]
    assert [pair.target_text for pair in read_tmx(file, "eng_Latn", "zh-TW")] == ["tw"]


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


@pytest.mark.parametrize("chunk", [7, 1 << 18])
@pytest.mark.parametrize("bad", [b"\xe4", b"\x0b", b"\xe4\xbd"])
def test_what_xml_does_not_allow_costs_its_unit(tmp_path, monkeypatch, chunk, bad):
    monkeypatch.setattr(inputs, "CHUNK_BYTES", chunk)
    content = tmx(unit(en="One.", de="Eins."), unit(en="Two.", de="ZweX"), unit(en="Thr\u00e9e.", de="Drei.", fr="X"))
    pairs = list(read_tmx(write(tmp_path / "a.tmx", content.encode().replace(b"X", bad)), "en", "de"))
    assert pairs[::2] == [RawPair("One.", "Eins.", 7), RawPair("Thr\u00e9e.", "Drei.", 9)]
    assert pairs[1].fault.startswith("a.tmx, line 8: bytes that are not UTF-8")
    assert (pairs[1].source_text, pairs[1].target_text) == ("Two.", "Zwe" + "\ufffd" * len(bad))


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "windows-1252", "utf-8-sig"])
def test_tmx_in_other_encodings(tmp_path, encoding):
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    content = tmx(unit(en="One.", de="Z\u00f6ne.")).replace("UTF-8", declared)
    pairs = list(read_tmx(write(tmp_path / "a.tmx", content.encode(encoding)), "en", "de"))
    assert pairs == [RawPair("One.", "Z\u00f6ne.", 7)]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ('<tmx version="1.4" xmlns="http://www.lisa.org/tmx14">', "</tmx>"),
        ('<t:tmx version="1.4" xmlns:t="http://www.lisa.org/tmx14">', "</t:tmx>"),
        ('<t:tmx version="1.4" xmlns:t="urn:x" xmlns:y="urn:y">', "</t:tmx>"),
        ('<x:box xmlns:x="urn:x"><tmx xmlns="urn:tmx">', "</tmx></x:box>"),
    ],
)
@pytest.mark.parametrize("lang", ["xml:lang", "lang"])
def test_tmx_in_a_namespace(tmp_path, start, end, lang):
    prefix = "t:" if start.startswith("<t:") else ""
    body = (
        f'<body><tu><prop type="x" {lang}="fr">y</prop><tuv {lang}="en-US"><note>No.</note>'
        '<seg>One <ph x="1">{1}</ph>two <hi>high</hi>.</seg></tuv>'
        f'<tuv {lang}="DEU"><prop type="x">y</prop><seg>Eins.</seg></tuv></tu></body>'
    )
    if prefix:
        body = re.sub(r"<(/?)(?=\w)", r"<\1t:", body)
    file = write(tmp_path / "a.tmx", f"{start}{body}{end}")
    assert [pair[:2] for pair in read_tmx(file, "en", "de")] == [("One two high.", "Eins.")]


def test_tmx_takes_the_closest_variant(tmp_path):
    units = [unit(en_GB="colour", en="color", de="x"), unit(eng="one", de_AT="eins", de_CH="zwei")]
    file = write(tmp_path / "a.tmx", tmx(*units))
    assert [pair[:2] for pair in read_tmx(file, "en", "de")] == [("color", "x"), ("one", "eins")]
    assert [pair[:2] for pair in read_tmx(file, "eng", "de_CH")] == [("one", "zwei")]


def test_tmx_nested_too_deeply_is_refused(tmp_path):
    file = write(tmp_path / "a.tmx", tmx(unit(en="<hi>" * 100_000, de="y")))
    with pytest.raises(XnerError, match=r"a\.tmx, line 7: elements nested over 100 deep"):
        list(read_tmx(file, "en", "de"))


@pytest.mark.parametrize("content", ["x" * 600_000, "<!--" + "x" * 600_000, "<hi " + "x" * 600_000])
def test_tmx_segment_too_long_for_memory_is_refused(tmp_path, monkeypatch, content):
    monkeypatch.setattr(tmx_reader, "MAX_LINE_BYTES", 300_000)
    file = write(tmp_path / "a.tmx", tmx(unit(en=content, de="y")))
    with pytest.raises(XnerError, match=r"a\.tmx, line 7: a segment of over 300,000 characters"):
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
