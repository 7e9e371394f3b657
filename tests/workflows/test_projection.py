"""The main job with real Ray and tiny models, from files of parallel text to a student."""

import dataclasses
import random
from pathlib import Path

import datasets
import duckdb
import polars as pl
import pytest
import ray
from transformers import pipeline

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.engine.cluster_settings import ClusterSettings
from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import TaggerEvaluation
from xner_core.evaluation.student_evaluation import own_types
from xner_core.evaluation.tagger_evaluation import evaluate_tagger
from xner_core.labels.schema import LABELS
from xner_core.models.loading import load_token_classifier
from xner_core.snapshots.lease import Lease, LeaseHeld
from xner_core.snapshots.repository import history, open_snapshot
from xner_core.storage.files import locate
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.training.fitting_settings import OptimisationSettings
from xner_core.training.student_settings import StudentRecipe, TrustSettings
from xner_core.workflows import student as student_module
from xner_core.workflows.projection import project_corpus, summary
from xner_core.workflows.projection_settings import ProjectionSettings

pytestmark = pytest.mark.usefixtures("ray_session")

NAMES = ["Anna Weber", "Otto Klein", "Bonn", "Ulm", "Kiel", "Bosch"]
PAIRS = 120


@pytest.fixture(scope="module")
def parallel_text(tmp_path_factory) -> Path:
    """Two domains of line-aligned text, 120 pairs each, one of them empty on one side."""
    folder = tmp_path_factory.mktemp("parallel")
    chance = random.Random(1)
    for domain in ("news", "talks"):
        english, german = [], []
        for i in range(PAIRS):
            one, other = chance.sample(NAMES, 2)
            english.append(f"{one} saw {other} on day {i} of the {domain}.")
            german.append(f"Am Tag {i} der {domain} sah {one} auch {other}.")
        german[7] = ""
        (folder / f"{domain}.en").write_text("".join(f"{line}\n" for line in english))
        (folder / f"{domain}.de").write_text("".join(f"{line}\n" for line in german))
    return folder


@pytest.fixture
def settings(parallel_text, tiny_tagger, tiny_encoder, tmp_path) -> ProjectionSettings:
    return ProjectionSettings(
        corpus=str(parallel_text),
        out=str(tmp_path / "out"),
        shard_pairs=40,
        cleaning=CleaningSettings(identify_language=False),
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0.0),
    )


def label_files(result) -> dict[str, int]:
    """Each label file and when it was written."""
    return {path.name: path.stat().st_mtime_ns for path in Path(result["labels"]).rglob("*.parquet")}


def test_every_pair_is_labelled_once_and_anyone_can_read_it(settings):
    result = project_corpus(settings)
    assert result["status"] == "done"
    pairs = result["pairs"]
    assert (pairs["read"], pairs["kept"], sum(pairs["rejected"].values())) == (2 * PAIRS, 2 * PAIRS - 2, 2)
    assert pairs["rejected"]["empty"] == 2
    labelled = result["labelled"]
    assert labelled["pairs"] == labelled["projected_pairs"] == 2 * PAIRS - 2
    assert labelled["quarantined"] == 0
    assert labelled["entities"] == labelled["projected"] + sum(labelled["unknown_by_reason"].values()) > 0
    assert len(label_files(result)) == result["shards"] > 4
    assert "2 rejected (empty 2)" in summary(result)

    everything = f"{result['labels']}/**/*.parquet"
    frame = pl.read_parquet(everything, hive_partitioning=True)
    assert frame.height == frame["pair_id"].n_unique() == 2 * PAIRS - 2
    assert set(frame["domain"]) == {"news", "talks"}
    assert set(frame["language"]) == {"de"}
    assert set(LABELS.names) <= set(frame.columns)
    found = duckdb.sql(f"select count(*), sum(len(entities)) from read_parquet('{everything}')").fetchall()[0]
    assert found == (frame.height, labelled["entities"])
    assert ray.data.read_parquet(result["labels"], partition_filter=None).count() == frame.height
    loaded = datasets.load_dataset("parquet", data_files=everything, split="train", cache_dir=settings.out + "/cache")
    assert loaded.num_rows == frame.height


def test_a_second_run_does_nothing_and_a_lost_file_alone_is_made_again(settings):
    first = project_corpus(settings)
    before = label_files(first)
    again = project_corpus(settings)
    assert again["status"] == "nothing to do"
    assert [about.name for about in history(locate(settings.out))] == [first["snapshot"]]
    assert label_files(again) == before

    lost = next(Path(first["labels"]).rglob("*.parquet"))
    content = lost.read_bytes()
    lost.unlink()
    mended = project_corpus(settings)
    assert mended["status"] == "done"
    assert lost.read_bytes() == content
    after = label_files(mended)
    assert {name for name in after if after[name] != before[name]} == {lost.name}


def test_labels_follow_the_corpus_when_it_changes(settings, parallel_text, tmp_path):
    first = project_corpus(settings)
    changed = tmp_path / "changed"
    changed.mkdir()
    for file in parallel_text.iterdir():
        lines = file.read_text().splitlines(keepends=True)
        (changed / file.name).write_text("".join(lines[:50] + lines[51:]))
    result = project_corpus(dataclasses.replace(settings, corpus=str(changed)))
    assert result["labelled"]["projected_pairs"] <= 4 * settings.shard_pairs
    frame = open_snapshot(settings.out).scan().collect()
    assert frame.height == frame["pair_id"].n_unique() == 2 * (PAIRS - 2)
    before = open_snapshot(settings.out, first["snapshot"]).scan().collect()
    assert before.height == before["pair_id"].n_unique() == 2 * (PAIRS - 1)


def test_a_new_aligner_reuses_the_tags(settings):
    first = project_corpus(settings)
    tags = {path: path.stat().st_mtime_ns for path in Path(settings.out, "tags").rglob("*.parquet")}
    other = dataclasses.replace(
        settings, aligner=dataclasses.replace(settings.aligner, min_confidence=0.999), corpus=first["corpus"]
    )
    second = project_corpus(other)
    assert second["labels_fingerprint"] != first["labels_fingerprint"]
    assert second["labelled"]["projected"] < first["labelled"]["projected"]
    assert {path: path.stat().st_mtime_ns for path in Path(settings.out, "tags").rglob("*.parquet")} == tags


def test_a_cluster_that_cannot_hold_the_actors_is_refused_at_once(settings):
    greedy = ClusterSettings(actors=5, cpus=1)
    with pytest.raises(XnerError, match=r"not enough CPU.*5 needed, 4 there"):
        project_corpus(dataclasses.replace(settings, cluster=greedy))
    # Two actors with 0.6 do not fit on one GPU, nor may an actor's fraction be spread over two.
    halves = ClusterSettings(actors=2, cpus=1, gpus=0.6)
    with pytest.raises(XnerError, match="not enough GPU"):
        project_corpus(
            dataclasses.replace(
                settings,
                tagger=dataclasses.replace(settings.tagger, device="cuda"),
                aligner=dataclasses.replace(settings.aligner, device="cuda"),
                cluster=halves,
            )
        )


def test_pools_of_several_actors_make_the_same_labels(settings, tmp_path):
    one = project_corpus(settings)
    pools = ClusterSettings(actors=3, cpus=1)
    several = project_corpus(dataclasses.replace(settings, out=str(tmp_path / "several"), cluster=pools))
    assert {path.name: path.read_bytes() for path in Path(one["labels"]).rglob("*.parquet")} == {
        path.name: path.read_bytes() for path in Path(several["labels"]).rglob("*.parquet")
    }


def test_labels_on_an_object_store_equal_those_on_a_disk(settings, s3_folder):
    local = project_corpus(settings)
    remote = project_corpus(dataclasses.replace(settings, out=s3_folder, corpus=settings.corpus))
    assert remote["labels_fingerprint"] == local["labels_fingerprint"]
    files = {file.name: file for file in locate(remote["labels"]).files() if file.name.endswith(".parquet")}
    assert files.keys() == label_files(local).keys()
    for path in Path(local["labels"]).rglob("*.parquet"):
        with files[path.name].open_input() as stream:
            assert stream.read() == path.read_bytes()


def test_a_student_is_trained_and_scored_on_an_object_store(settings, tiny_tagger, s3_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("XNER_CACHE", str(tmp_path / "cache"))
    (tmp_path / "gold.conll").write_text("Anna B-PER\nWeber I-PER\nsah O\nUlm B-LOC\n\n")
    # Of models with random weights nothing has much confidence.
    trust = TrustSettings(learnt=0, masked=0, mentions=0, names=0, outlier=0, lowercase=1)
    optimisation = OptimisationSettings(epochs=1, evaluations=1, precision="float32")
    remote = dataclasses.replace(
        settings,
        out=f"{s3_folder}/für#1",
        then_train=True,
        gold=str(tmp_path / "gold.conll"),
        student=StudentRecipe(model=tiny_tagger, optimisation=optimisation, held_out=10, trust=trust),
    )
    result = project_corpus(remote)
    out = locate(remote.out)
    assert result["student"] == str(out / "student")
    assert set(result["scores"]) == {"student", "direct transfer"}
    folders = {file.relative_to(out).split("/")[0] for file in out.files()}
    assert folders >= {"consensus", "corpus", "labels", "snapshots", "student", "tags"}
    assert not [file for file in out.files() if "checkpoints" in file.path.split("/")]
    # And read again, by what evaluates it and by who trains on.
    assert load_token_classifier(result["student"])[0].config.num_labels == 7
    assert project_corpus(remote)["status"] == "nothing to do"
    assert not Path("s3:").exists()


def test_two_runs_at_once_are_one_too_many(settings):
    with Lease(locate(settings.out), "another run", 6), pytest.raises(LeaseHeld, match="another run"):
        project_corpus(settings)


def test_a_corpus_of_another_pair_is_refused(settings):
    made = project_corpus(settings)["corpus"]
    with pytest.raises(XnerError, match="a corpus of en-de, but en-nl"):
        project_corpus(dataclasses.replace(settings, corpus=made, target="nl"))


def test_the_sample_is_projected_and_a_student_trained_and_scored(tiny_tagger, tiny_encoder, tmp_path):
    settings = ProjectionSettings(
        out=str(tmp_path),
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0.0),
        then_train=True,
        student=StudentRecipe(
            model=tiny_tagger,
            optimisation=OptimisationSettings(epochs=1, evaluations=1, precision="float32"),
        ),
    )
    result = project_corpus(settings)
    assert result["status"] == "done"
    assert result["training"]["train_sentences"] > 50
    assert set(result["scores"]) == {"student", "direct transfer"}
    for scores, label_map in zip(result["scores"].values(), (own_types(result["student"]), "conll"), strict=True):
        tagger = TaggerSettings(scores["model"], label_map)
        direct = evaluate_tagger(TaggerEvaluation(f"{tmp_path}/gold.conll", tagger, language="de"))
        assert {name: scores[name] for name in ("f1", "per_type")} == {
            name: direct[name] for name in ("f1", "per_type")
        }
    assert "direct transfer" in summary(result)
    pipeline("token-classification", model=result["student"])("Anna Weber war in Köln.")

    # The same command again: nothing is done twice, and what was said is said again.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(student_module, "evaluate_tagger", lambda _: pytest.fail("scored again"))
        again = project_corpus(settings)
    assert again["status"] == "nothing to do"
    assert again["scores"] == result["scores"]
    # Other types are scored anew.
    other = dataclasses.replace(settings, gold=str(tmp_path / "gold.conll"), gold_types=["PER"])
    assert project_corpus(other)["scores"]["student"]["labels"] == ["PER"]
