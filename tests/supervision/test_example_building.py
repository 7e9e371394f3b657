import random

import pytest

from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.errors import XnerError
from xner_core.supervision.aligner_training_settings import ExampleSettings
from xner_core.supervision.example_building import make_examples
from xner_core.supervision.examples import read_examples, read_metadata
from xner_core.supervision.phrases import PHRASE
from xner_core.tagging.tagger_settings import TaggerSettings

PAIRS = 60


def make_corpus(folder, name: str, source: str = "en", target: str = "nl") -> str:
    """A corpus of made-up sentences, with names that stay as they are."""
    choose = random.Random(name)
    (folder / f"{name}-text").mkdir()
    rows = []
    for number in range(80):
        person, town = ("".join(choose.choices("abcdefgh", k=6)).capitalize() for _ in range(2))
        rows.append(
            (
                f"in the year {number} old {person} left for {town} again",
                f"in het jaar {number} ging de oude {person} weer naar {town}",
            )
        )
    for side, language in enumerate((source, target)):
        (folder / f"{name}-text" / f"tales.{language}").write_text("".join(row[side] + "\n" for row in rows))
    cleaning = CleaningSettings(identify_language=False)
    out = str(folder / name)
    ingest_corpus(IngestSettings(str(folder / f"{name}-text"), out, target, source, cleaning=cleaning))
    return out


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    return [make_corpus(folder, "one"), make_corpus(folder, "two", target="sv")]


@pytest.fixture
def settings(corpora, tiny_encoder, tiny_tagger, tmp_path):
    lexicon = tmp_path / "towns.en-nl.tsv"
    lexicon.write_text("LOC\tSomewhere\tErgens\t1\n")
    return ExampleSettings(
        corpora, str(tmp_path / "out"), [str(lexicon)], PAIRS, tagger=TaggerSettings(tiny_tagger), encoder=tiny_encoder
    )


def test_corpora_become_examples(settings, corpora):
    result = make_examples(settings)
    assert result["status"] == "done"
    examples = read_examples(settings.out)
    assert len(examples) == sum(figures["pairs"] for figures in result["corpora"]) <= 2 * PAIRS
    assert {example.language for example in examples} == {"nl", "sv"}
    links = [(example, link) for example in examples for link in example.links if PHRASE not in link.origins]
    phrases = sum(len(example.links) for example in examples) - len(links)
    assert phrases == sum(figures["phrases"] for figures in result["corpora"]) > 0
    assert len(links) == sum(figures["names"] for figures in result["corpora"])
    for figures in result["corpora"]:
        assert figures["agreed"] + figures["absent"] + figures["unknown"] == figures["names"]
    agreed = [(example, link) for example, link in links if link.agreed and link.target]
    # A random tagger marks anything, but a name that it leaves alone is found again.
    untouched = [
        (example.source_text[slice(*link.source)], example.target_text[slice(*link.target)])
        for example, link in agreed
        if "identical" in link.origins
    ]
    assert len(untouched) > PAIRS / 2
    assert all(source.casefold() == target.casefold() for source, target in untouched)
    for example, link in links:
        assert example.source_text[slice(*link.source)].strip()
        assert 0 <= link.confidence <= 1
        assert link.target is None or example.target_text[slice(*link.target)].strip()


def test_what_is_finished_is_kept(settings, tmp_path):
    first = make_examples(settings)
    again = make_examples(settings)
    assert again["status"] == "nothing to do"
    assert all(figures["kept"] for figures in again["corpora"])
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["one.parquet", "two.parquet"]
    before = files[0].read_bytes()
    # A list of names of one language changes its examples only.
    with open(settings.lexicons[0], "a") as file:
        file.write("LOC\tElsewhere\tElders\t2\n")
    changed = make_examples(settings)
    assert changed["status"] == "done"
    assert [figures["kept"] for figures in changed["corpora"]] == [False, True]
    assert changed["corpora"][1]["fingerprint"] == first["corpora"][1]["fingerprint"]
    assert read_metadata(files[0])["fingerprint"] == changed["corpora"][0]["fingerprint"]
    assert changed["corpora"][0]["fingerprint"] != first["corpora"][0]["fingerprint"]
    # A lost file is made again, and the same.
    files[1].unlink()
    remade = make_examples(settings)
    assert [figures["kept"] for figures in remade["corpora"]] == [True, False]
    assert files[0].read_bytes() != before


def test_the_seed_decides_the_examples(settings, tmp_path):
    settings.corpora, settings.pairs_per_corpus = settings.corpora[:1], 20
    made = []
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        settings.out, settings.seed = str(tmp_path / out), seed
        make_examples(settings)
        made.append(read_examples(settings.out))
    assert made[0] == made[1] != made[2]


def test_settings_that_cannot_work_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="corpora is empty"):
        ExampleSettings([], "out")
    with pytest.raises(ValueError, match="several corpora are in folders named 'x'"):
        ExampleSettings(["a/x", "b/x"], "out")
    settings.corpora = [make_corpus(tmp_path, "foreign", source="sv", target="en")]
    with pytest.raises(XnerError, match="its source language is 'sv'"):
        make_examples(settings)
    settings.corpora = [make_corpus(tmp_path, "nameless")]
    settings.longest = 3
    with pytest.raises(XnerError, match="no pair of at most 3 words a side"):
        make_examples(settings)
    settings.corpora = [str(tmp_path / "none")]
    with pytest.raises(XnerError, match="not a corpus"):
        make_examples(settings)
