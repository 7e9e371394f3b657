import random

import pytest

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.errors import XnerError
from xner_core.storage.files import locate, read_json
from xner_core.supervision.aligner_fitting import fit_aligner
from xner_core.supervision.aligner_training_settings import AlignerFitting
from xner_core.text.spans import Span


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus of made-up sentences, with names that stay as they are."""
    choose = random.Random(0)
    folder = tmp_path_factory.mktemp("parallel")
    out = str(tmp_path_factory.mktemp("corpora") / "tales")
    rows = []
    for number in range(120):
        name, town = ("".join(choose.choices("abcdefgh", k=6)).capitalize() for _ in range(2))
        rows.append(
            (f"in the year {number} old {name} went to {town} again", f"jaar {number}: {name} komt naar {town}")
        )
    for side, language in enumerate(("en", "nl")):
        (folder / f"tales.{language}").write_text("".join(row[side] + "\n" for row in rows))
    ingest_corpus(IngestSettings(str(folder), out, "nl", cleaning=CleaningSettings(identify_language=False)))
    return out


def test_a_fit_gives_a_folder_that_aligns(corpus, tiny_encoder, tmp_path):
    out = str(tmp_path / "aligner")
    result = fit_aligner(AlignerFitting(corpus, out, tiny_encoder, names=60))
    assert result["status"] == "done"
    assert result["names"] == 60
    assert len(result["trials"]) == 2 * 3
    assert result["chosen"] == max(result["trials"], key=lambda trial: trial["figure"])
    # Names that stay as they are have the same embeddings whatever the weights.
    assert result["chosen"]["copied"] > 0.9
    settings = AlignerSettings(out)
    assert settings.recipe().encoder == tiny_encoder
    assert settings.recipe().layer == result["chosen"]["layer"]
    assert result["fingerprint"] == settings.fingerprint()
    assert read_json(locate(out) / "aligner.json")["evidence"]["trials"] == result["trials"]
    card = (tmp_path / "aligner" / "README.md").read_text()
    assert f"--corpus {corpus}" in card
    assert "--seed 1" in card
    found = settings.load().align([AlignmentQuery("old Abcdef went", "Abcdef kwam", (Span(4, 10),))])
    assert len(found[0]) == 1


def test_a_fit_into_an_object_store(corpus, tiny_encoder, s3_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XNER_CACHE", str(tmp_path))
    result = fit_aligner(AlignerFitting(corpus, s3_folder, tiny_encoder, names=60))
    assert AlignerSettings(s3_folder).fingerprint() == result["fingerprint"]
    assert len(AlignerSettings(s3_folder).load().align([AlignmentQuery("A b", "A c", (Span(0, 1),))])) == 1


def test_the_same_seed_gives_the_same_fit(corpus, tiny_encoder, tmp_path):
    results = [
        fit_aligner(AlignerFitting(corpus, str(tmp_path / out), tiny_encoder, names=50, seed=seed))
        for out, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert results[0]["trials"] == results[1]["trials"] != results[2]["trials"]
    assert results[0]["recipe"] == results[1]["recipe"]


def test_a_corpus_with_too_few_names_is_refused(corpus, tiny_encoder, tmp_path):
    with pytest.raises(XnerError, match="only 20 pairs hold a name") as error:
        fit_aligner(AlignerFitting(corpus, str(tmp_path), tiny_encoder, most_pairs=20))
    assert corpus in str(error.value)
