"""Sides that are the other way round, and sources that give little or nothing."""

import json

import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.corpus.layout import open_corpus
from xner_core.storage.files import locate, read_table

CITIES = ("Berlin", "Rome", "Madrid", "Lisbon", "Vienna")
LONG = [
    (f"The chancellor travelled to {city} yesterday evening.", f"Der Kanzler reiste gestern Abend nach {city}.")
    for city in CITIES
]
SHORT = [("Hello.", "Hallo."), ("Ulm and Bonn", "Ulm und Bonn")]
FRENCH = [(f"Elle habite à {city} depuis longtemps.", f"Il pleuvait à {city} hier soir, dit-on.") for city in CITIES]


def ingest(tmp_path, **changes):
    return ingest_corpus(IngestSettings(str(tmp_path / "in"), str(tmp_path / "out"), "de", **changes))


def kept(tmp_path) -> set[tuple[str, str]]:
    shards = open_corpus(locate(tmp_path / "out")).shards
    rows = [row for shard in shards for row in read_table(locate(shard.path)).to_pylist()]
    return {(row["source_text"], row["target_text"]) for row in rows}


def write(tmp_path, name: str, rows) -> None:
    path = tmp_path / "in" / name
    path.parent.mkdir(exist_ok=True)
    if name.endswith(".tsv"):
        path.write_text("".join(f"{source}\t{target}\n" for source, target in rows))
    elif name.endswith(".jsonl"):
        path.write_text("".join(json.dumps({"source": source, "target": target}) + "\n" for source, target in rows))
    else:
        for side, language in enumerate(("en", "de")):
            (path.parent / f"{name}.{language}").write_text("".join(f"{row[side]}\n" for row in rows))


def turned(rows) -> list[tuple[str, str]]:
    return [(target, source) for source, target in rows]


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl", "a", "a-eng-deu.tsv", "a.en-de.dedup.tsv"])
def test_a_source_in_mirror_image_is_turned_round(tmp_path, name, caplog):
    write(tmp_path, name, turned([*LONG, *SHORT]))
    result = ingest(tmp_path)
    assert kept(tmp_path) == {*LONG, *SHORT}
    (warning,) = result["warnings"]
    assert "its sides are not en and de, as its name or format says, but the other way round" in warning
    assert warning in caplog.text
    assert ingest(tmp_path)["warnings"] == [warning]


@pytest.mark.parametrize(
    "name", ["Statmt-news_commentary-16-deu-eng.tsv", "news-de-en.tsv", "x.de_en.clean.tsv", "deu_Latn-eng_Latn.tsv"]
)
@pytest.mark.parametrize("identify", [True, False])
def test_a_source_that_is_named_in_its_order_needs_no_warning(tmp_path, name, identify):
    write(tmp_path, name, turned([*LONG, *SHORT]))
    result = ingest(tmp_path, cleaning=CleaningSettings(identify_language=identify))
    assert (kept(tmp_path), result["warnings"]) == ({*LONG, *SHORT}, [])


def test_a_source_is_turned_only_if_most_of_it_is_in_mirror_image(tmp_path):
    write(tmp_path, "a.tsv", [*LONG, *turned(LONG[:2]), *SHORT])
    # Which says nothing.
    write(tmp_path, "b.tsv", [("Ja.", "Yes."), ("Hallo.", "Hello.")])
    result = ingest(tmp_path)
    assert result["warnings"] == []
    assert kept(tmp_path) == {*LONG, *SHORT, ("Ja.", "Yes."), ("Hallo.", "Hello.")}
    assert result["rejected"]["wrong_source_language"] == 2


def test_only_the_first_pairs_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr("xner_core.corpus.ingest.source_reading.PROBED_PAIRS", 3)
    write(tmp_path, "a.tsv", [*turned(LONG[:2]), ("Hello.", "Hallo."), *LONG[2:]])
    result = ingest(tmp_path)
    assert kept(tmp_path) == {*LONG[:2], ("Hallo.", "Hello.")}
    assert (len(result["warnings"]), result["rejected"]["wrong_source_language"]) == (1, 3)


def test_a_source_in_other_languages_is_warned_of(tmp_path):
    write(tmp_path, "a.tsv", [*LONG, *SHORT])
    write(tmp_path, "b.tsv", [*FRENCH, ("Yes.", "Ja.")])
    result = ingest(tmp_path)
    assert result["warnings"] == ["b.tsv: 5 of 6 pairs are rejected as of other languages than en and de"]


def test_a_source_that_gives_nothing_is_warned_of(tmp_path):
    write(tmp_path, "a.tsv", LONG)
    write(tmp_path, "b.jsonl", LONG)
    write(tmp_path, "c.tsv", [])
    write(tmp_path, "d.tsv", [("", f"Nummer {number}") for number in range(9)] + SHORT[:1])
    (tmp_path / "in/e.tmx").write_text("<tmx><body><tu><tuv xml:lang='fr'><seg>Un.</seg></tuv></tu></body></tmx>")
    result = ingest(tmp_path)
    assert result["warnings"] == [
        "b.jsonl: 5 of 5 pairs are rejected, 5 of them as duplicate",
        "c.tsv: gives no pair of en and de",
        "d.tsv: 9 of 10 pairs are rejected, 9 of them as empty",
        "e.tmx: gives no pair of en and de",
    ]


def test_warnings_after_a_change_are_those_of_an_ingest_from_scratch(tmp_path):
    write(tmp_path, "a.tsv", turned(LONG))
    write(tmp_path, "b.tsv", FRENCH)
    ingest(tmp_path)
    write(tmp_path, "c.jsonl", LONG)
    after = ingest(tmp_path)["warnings"]
    fresh = ingest_corpus(IngestSettings(str(tmp_path / "in"), str(tmp_path / "fresh"), "de"))["warnings"]
    assert after == fresh
    assert [warning.partition(":")[0] for warning in after] == ["a.tsv", "b.tsv", "c.jsonl"]
