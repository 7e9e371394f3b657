"""The main job with real Ray, on pairs that break its models and on files that are damaged."""

import dataclasses
from pathlib import Path

import pytest
import ray
import torch

import small_memory
from chaos.label_comparison import differences, read_labels
from chaos.poison import PoisonedAlignerSettings, PoisonedTaggerSettings, mark
from small_memory import SmallAlignerSettings, SmallTaggerSettings
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.layout import open_corpus
from xner_core.engine.actor_pool import ActorPool
from xner_core.engine.actors import ProjectShards
from xner_core.engine.guarded_model import Attempts, FaultGuard, GuardedModel, GuardedProcess
from xner_core.errors import RunFailure, XnerError
from xner_core.projection.faults.fault_settings import FaultSettings
from xner_core.projection.plan import ProjectionPlan, plan_projection
from xner_core.snapshots.repository import open_snapshot
from xner_core.storage.files import locate, read_table
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.workflows.projection import project_corpus, summary
from xner_core.workflows.projection_settings import ProjectionSettings

pytestmark = pytest.mark.usefixtures("ray_session")
# Workers do not find the modules of tests.
ray.cloudpickle.register_pickle_by_value(small_memory)

# Which line has which fault; 40 lines are about a shard.
POISON = {
    5: ("tagger", "raise"),
    6: ("tagger", "device"),
    50: ("tagger", "exit"),
    51: ("aligner", "raise"),
    90: ("aligner", "segfault"),
    91: ("aligner", "device"),
}
PAIRS = 120
ONE = ActorPool(size=1, cpus=1, gpus=0)


@pytest.fixture(scope="module")
def parallel_text(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("poisoned")
    english = [f"Anna Weber saw Otto Klein in Ulm on day {i}." for i in range(PAIRS)]
    for i, fault in POISON.items():
        english[i] += " " + mark(*fault)
    (folder / "news.en").write_text("".join(f"{line}\n" for line in english))
    (folder / "news.de").write_text("".join(f"Am Tag {i} sah Anna Weber in Ulm Otto Klein.\n" for i in range(PAIRS)))
    return folder


@pytest.fixture(scope="module")
def healthy(parallel_text, tiny_tagger, tiny_encoder, tmp_path_factory) -> ProjectionSettings:
    """Settings of models that do not mind the marks."""
    return ProjectionSettings(
        corpus=str(parallel_text),
        out=str(tmp_path_factory.mktemp("healthy")),
        shard_pairs=40,
        cleaning=CleaningSettings(identify_language=False),
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0.0),
        faults=FaultSettings(attempts=1, quarantine_limit=0.1),
    )


@pytest.fixture
def poisoned(healthy, tmp_path) -> ProjectionSettings:
    """The same, of models that do mind them."""
    return dataclasses.replace(
        healthy,
        out=str(tmp_path / "out"),
        tagger=PoisonedTaggerSettings(**dataclasses.asdict(healthy.tagger)),
        aligner=PoisonedAlignerSettings(**dataclasses.asdict(healthy.aligner)),
    )


@pytest.fixture(scope="module")
def undisturbed(healthy) -> dict:
    return project_corpus(healthy)


def test_pairs_that_break_a_model_go_into_quarantine_and_all_others_are_labelled(poisoned, undisturbed):
    result = project_corpus(poisoned)
    counts = result["labelled"]
    assert (counts["pairs"], counts["quarantined"]) == (PAIRS, len(POISON))
    assert f"{len(POISON)} pairs in quarantine" in summary(result)
    found = read_labels(locate(result["labels"]))
    assert differences(found, read_labels(locate(undisturbed["labels"])), poisoned=True) == []
    reasons = {row["source_text"].partition("☠")[2]: row["quarantine"] for row in found if row["quarantine"]}
    assert "ValueError: poison" in reasons["tagger-raise"]
    assert "ValueError: poison" in reasons["aligner-raise"]
    assert "exited with status 3" in reasons["tagger-exit"]
    assert "killed by SIGSEGV" in reasons["aligner-segfault"]
    for stage in ("tagger", "aligner"):
        assert "AcceleratorError: CUDA error: device-side assert triggered" in reasons[f"{stage}-device"]


def test_out_of_memory_halves_the_batch_and_changes_no_label(healthy, undisturbed, tmp_path):
    small = dataclasses.replace(
        healthy,
        out=str(tmp_path),
        tagger=SmallTaggerSettings(**dataclasses.asdict(healthy.tagger)),
        aligner=SmallAlignerSettings(**dataclasses.asdict(healthy.aligner)),
    )
    result = project_corpus(small)
    assert result["labelled"]["quarantined"] == 0
    expected = read_labels(locate(undisturbed["labels"]))
    assert differences(read_labels(locate(result["labels"])), expected, poisoned=False) == []


def test_memory_that_does_not_suffice_for_one_text_ends_the_job_and_blames_no_pair(healthy, tmp_path):
    tagger = SmallTaggerSettings(**dataclasses.asdict(healthy.tagger), tokens=5)
    with pytest.raises(RunFailure, match=r"out of memory while it was made, even with one text at a time.*give each"):
        project_corpus(dataclasses.replace(healthy, out=str(tmp_path), tagger=tagger))


def test_a_gpu_that_ray_has_and_pytorch_does_not_see_ends_the_job(healthy, tmp_path):
    """The Ray of these tests says that it has one."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    on_gpu = dataclasses.replace(healthy.tagger, device="cuda")
    with pytest.raises(XnerError, match=r"a GPU was asked for, but PyTorch .* sees none") as caught:
        project_corpus(dataclasses.replace(healthy, out=str(tmp_path), tagger=on_gpu))
    assert not isinstance(caught.value, RunFailure)


def test_damaged_files_are_made_again(healthy, undisturbed, caplog):
    """A label file cut short, one with the pairs of another shard, and a tag file of noise."""
    before = read_labels(locate(undisturbed["labels"]))
    short, foreign, other = sorted(Path(undisturbed["labels"]).rglob("*.parquet"))[:3]
    short.write_bytes(short.read_bytes()[:-100])
    foreign.write_bytes(other.read_bytes())
    (Path(healthy.out) / "tags" / undisturbed["tags_fingerprint"] / short.name).write_bytes(b"PAR1 noise PAR1")
    mended = project_corpus(healthy)
    assert mended["status"] == "done"
    assert read_labels(locate(mended["labels"])) == before
    assert f"{short.name}: not a readable Parquet file" in caplog.text


def test_too_much_quarantine_stops_the_job_until_it_is_tried_again(poisoned, healthy, undisturbed):
    """The aligner alone is poisoned, and only raises: the processes live."""
    strict = FaultSettings(quarantine_limit=0.0)
    out = dataclasses.replace(poisoned, tagger=healthy.tagger, faults=strict)
    lines = Path(poisoned.corpus, "news.en").read_text()
    for fault in ("segfault", "device"):
        lines = lines.replace(mark("aligner", fault), "")
    folder = Path(poisoned.out).parent / "raising"
    folder.mkdir()
    (folder / "news.en").write_text(lines)
    (folder / "news.de").write_text(Path(poisoned.corpus, "news.de").read_text())
    out = dataclasses.replace(out, corpus=str(folder))
    for _ in range(2):
        with pytest.raises(RunFailure, match=r"1 of 120 pairs are in quarantine, more than faults"):
            project_corpus(out)
    # Where none comes out of it, nothing is written, and so no name is a new one.
    again = FaultSettings(quarantine_limit=0.1, retry_quarantine=True)
    first = project_corpus(dataclasses.replace(out, faults=again))
    assert first["labelled"]["quarantined"] == 1
    before = {file: file.read_bytes() for file in Path(out.out).rglob("*.parquet")}
    assert not [
        file for file in before if "-" in file.stem and "snapshots" not in file.parts and "corpus" not in file.parts
    ]

    retried = dataclasses.replace(out, aligner=healthy.aligner, faults=again)
    result = project_corpus(retried)
    assert result["labelled"]["quarantined"] == 0
    assert 0 < result["labelled"]["projected_pairs"] <= PAIRS
    assert project_corpus(retried)["status"] == "nothing to do"
    # What was there is as it was; the mended file has another name, and the rest are the same files.
    assert {file: file.read_bytes() for file in before} == before
    old, new = (set(open_snapshot(out.out, run["snapshot"]).addresses()) for run in (first, result))
    (mended,) = new - old
    assert mended.endswith("-1.parquet")
    assert old - new == {mended.replace("-1.parquet", ".parquet")}
    assert open_snapshot(out.out, first["snapshot"]).scan().collect()["quarantine"].null_count() == PAIRS - 1
    assert len(read_labels(locate(result["labels"]))) == PAIRS


@pytest.fixture
def plan(healthy, undisturbed, tmp_path) -> ProjectionPlan:
    """A projection of the same corpus that has nothing yet."""
    return plan_projection(
        open_corpus(locate(undisturbed["corpus"])), locate(tmp_path), healthy.tagger, healthy.aligner
    )


@pytest.fixture
def guard() -> FaultGuard:
    attempts = ray.remote(Attempts).options(num_cpus=0).remote()
    return FaultGuard(FaultSettings(attempts=2, quarantine_limit=1), PAIRS, attempts)


def test_a_shard_that_has_killed_its_process_is_tried_whole_then_apart_and_then_no_more(plan, healthy, guard, tmp_path):
    """Processes that died are those that began and did not end."""
    task = next(task for task in plan.tasks if "tagger-exit" in str(read_table(locate(task.pairs_path))["source_text"]))
    poisoned = PoisonedTaggerSettings(**dataclasses.asdict(healthy.tagger), journal=str(tmp_path / "journal"))
    for _ in range(2):
        ray.get(guard.attempts.begin.remote(task.tags_path))
    ProjectShards(poisoned, healthy.aligner, ONE, guard)(task.row())
    tags = read_table(locate(task.tags_path))
    assert tags.num_rows == task.pairs
    assert tags.num_rows - tags["quarantine"].null_count == 1
    calls = [int(line.split()[1]) // 2 for line in (tmp_path / "journal").read_text().splitlines()]
    assert max(calls) < task.pairs / 4, "the shard was tried as a whole in this process, or in another"

    locate(task.tags_path).delete()
    for _ in range(4):
        ray.get(guard.attempts.begin.remote(task.tags_path))
    with pytest.raises(RunFailure, match=r"has died 4 times.*run again"):
        ProjectShards(poisoned, healthy.aligner, ONE, guard)(task.row())


def test_a_model_that_cannot_be_loaded_ends_the_job_with_its_reason(healthy, tmp_path):
    missing = dataclasses.replace(healthy.tagger, model=str(tmp_path))
    tagger = GuardedModel(missing, GuardedProcess(ONE, FaultGuard(FaultSettings(), PAIRS, None)))
    with pytest.raises(XnerError, match=r"no \*\.safetensors"):
        tagger.run(lambda model, isolate: None, "x", 1)


def test_damaged_shards_are_named_with_what_to_do(plan, healthy, guard, tmp_path):
    tag = ProjectShards(healthy.tagger, healthy.aligner, ONE, guard)
    content = Path(plan.tasks[0].pairs_path).read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 4
    for number, damaged in enumerate((content[:-1], bytes(flipped), b"")):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(damaged)
        with pytest.raises(XnerError, match=rf"{number}\.parquet: not a readable Parquet file.*ingest it again"):
            tag(plan.tasks[0].row() | {"pairs_path": str(path)})
    with pytest.raises(XnerError, match=r"missing\.parquet: no such file.*ingest it again"):
        tag(plan.tasks[0].row() | {"pairs_path": str(tmp_path / "missing.parquet")})
    with pytest.raises(XnerError, match=r"holds \d+ pairs, but 7 by the manifest.*ingest again"):
        tag(plan.tasks[0].row() | {"pairs": 7})


def test_a_model_that_is_another_on_a_node_is_refused(plan, healthy, guard):
    project = ProjectShards(healthy.tagger, healthy.aligner, ONE, guard)
    for what in ("tagger", "aligner"):
        with pytest.raises(RunFailure, match=rf"the {what} on .* is not the one that this run was planned with"):
            project(plan.tasks[0].row() | {what: "0" * 32})
    assert plan.unfinished() == plan.tasks


def test_a_store_that_does_not_answer_is_a_failure_that_names_the_file(plan, healthy, guard, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    project = ProjectShards(healthy.tagger, healthy.aligner, ONE, guard)
    with pytest.raises(RunFailure, match=r"s3://bucket/x\.parquet: could not be looked up .*AWS Error.*run again"):
        project(plan.tasks[0].row() | {"tags_path": "s3://bucket/x.parquet"})
