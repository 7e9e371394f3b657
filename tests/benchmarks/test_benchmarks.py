"""The programs of benchmarks/, from the command line to the figures, on made-up gold."""

import json
import random
import runpy
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.recipe import AlignerRecipe, read_recipe, write_recipe
from xner_core.cli.job import run_job
from xner_core.corpus.cleaning_settings import CleaningSettings
from xner_core.corpus.ingest.ingest_settings import IngestSettings
from xner_core.corpus.ingest.ingestion import ingest_corpus
from xner_core.errors import XnerError
from xner_core.evaluation.evaluation_settings import ProjectionEvaluation
from xner_core.evaluation.projection_evaluation import evaluate_projection
from xner_core.models.loading import load_tokenizer
from xner_core.models.word_isolation import isolating_words
from xner_core.storage.hashing import pair_id
from xner_core.supervision.aligner_training import train_aligner
from xner_core.supervision.aligner_training_settings import AlignerTrainingSettings
from xner_core.supervision.examples import Example, Link, write_examples
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Span
from xner_core.training.student_model import new_student
from xner_core.training.student_settings import StudentRecipe

ROOT = Path(__file__).parents[2]
ABLATIONS = runpy.run_path(str(ROOT / "benchmarks" / "aligner_ablations.py"))
PARTS = [
    "as it is",
    "without joint assignment",
    "without null",
    "without the rule for derived words",
    "without span rules",
]


def sentences(count: int, seed: int) -> list[tuple[str, str, str, str]]:
    """Made-up pairs, with a person and a town that stay as they are: both texts, and these."""
    choose = random.Random(seed)
    rows = []
    for number in range(count):
        person, town = ("".join(choose.choices("abcdefgh", k=6)).capitalize() for _ in range(2))
        source = f"in the year {number} old {person} left for {town} again"
        rows.append((source, f"in het jaar {number} ging de oude {person} weer naar {town}", person, town))
    return rows


def side(text: str, person: str, town: str) -> dict:
    tokens = text.split()
    return {"tokens": tokens, "tags": [{person: "B-PER", town: "B-LOC"}.get(token, "O") for token in tokens]}


def gold_row(source: str, target: str, person: str, town: str) -> dict:
    return {"en": side(source, person, town), "nl": side(target, person, town)}


def write(path: Path, rows: list[dict]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(folder: Path, *arguments: str) -> dict:
    """The results of a command line that ends well."""
    out = folder / "result.json"
    with pytest.raises(SystemExit) as ended:
        run_job(ABLATIONS["JOB"], [*arguments, "--json", str(out)])
    assert ended.value.code == 0
    return json.loads(out.read_text())


def test_labels_are_judged_by_what_is_trusted(tiny_tagger, tiny_encoder, tmp_path):
    gold = write(tmp_path / "gold.jsonl", [gold_row(*sentence) for sentence in sentences(30, seed=7)])
    module = runpy.run_path(str(ROOT / "benchmarks" / "label_trust.py"))
    settings = module["TrustComparison"](
        gold,
        ["nl"],
        thresholds=[(0.0, 0.0), (1.9, 0.0)],
        tagger=TaggerSettings(tiny_tagger),
        aligner=AlignerSettings(model="similarity", encoder=tiny_encoder, min_confidence=0.0),
    )
    figures = module["compare_trust"](settings)["figures"]["nl"]
    assert list(figures) == ["projected", "direct transfer", "both, 0 and 0", "both, 1.9 and 0"]
    plain, sure = figures["projected"], figures["both, 1.9 and 0"]
    assert plain["masked per 100 entities"] == 0
    assert plain["F1"] == plain["F1 unmasked"]
    assert sure["masked per 100 entities"] > 0
    assert sure["F1 unmasked"] >= sure["F1"]
    assert all(value >= 0 for scores in figures.values() for value in scores.values())


@pytest.fixture(scope="module")
def trained(tiny_encoder, tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("trained")
    examples = []
    for source, target, *names in sentences(100, seed=1):
        links = [
            Link(
                Span(source.index(name), source.index(name) + 6),
                Span(target.index(name), target.index(name) + 6),
                True,
                0.9,
                "PER",
                ("identical",),
            )
            for name in names
        ]
        examples.append(Example(pair_id("en", "nl", source, target), "nl", "tales", source, target, tuple(links)))
    write_examples(folder / "examples" / "en-nl.parquet", examples, {})
    few = {"layers": 2, "rounds": 0, "steps": 20, "batch_tokens": 512, "precision": "float32"}
    out = str(folder / "aligner")
    train_aligner(AlignerTrainingSettings(str(folder / "examples"), out, encoder=tiny_encoder, **few))
    return out


@pytest.fixture(params=["trained", "similarity"])
def aligner(request, tiny_encoder, tmp_path) -> str:
    if request.param == "trained":
        return request.getfixturevalue("trained")
    write_recipe(tmp_path / "aligner", AlignerRecipe(tiny_encoder), {})
    return str(tmp_path / "aligner")


def test_decoding_is_scored_without_each_of_its_parts(aligner, tmp_path, caplog):
    caplog.set_level("INFO")
    gold = write(tmp_path / "gold.jsonl", [gold_row(*row) for row in sentences(12, seed=2)])
    result = run(tmp_path, "decoding", "--gold", gold, "--target", "nl", "--aligner.model", aligner)
    assert [row["decoding"] for row in result["rows"]] == PARTS
    assert all(part in caplog.text for part in PARTS)
    rows = {row.pop("decoding"): row for row in result["rows"]}
    whole = evaluate_projection(ProjectionEvaluation(gold, "nl", aligner=AlignerSettings(aligner)))
    assert rows["as it is"] == {
        **{name: whole[name] for name in ("f1", "share_of_count_f1", "share_null")},
        **{name: whole["null"][name] for name in ("removed_null", "aligned_null")},
    }
    never = rows["without null"]
    assert never["share_null"] == never["removed_null"] == never["aligned_null"] == 0


def test_a_part_of_decoding_is_what_its_name_says(aligner, tmp_path):
    # Two names for one word, and one for a symbol that no name can be.
    crowded = gold_row("Ada saw Ida", "Ada", "Ada", "Ida")
    symbol = gold_row("Ada sleeps", "(", "Ada", "")
    gold = write(tmp_path / "gold.jsonl", [crowded, symbol])
    # An aligner that takes what it can.
    folder = tmp_path / "greedy"
    shutil.copytree(aligner, folder)
    recipe = read_recipe(folder)
    never = {name: 0.0 for name in ("min_confidence", "min_presence") if hasattr(recipe, name)}
    write_recipe(folder, replace(recipe, **never), {})
    rows = run(tmp_path, "decoding", "--gold", gold, "--target", "nl", "--aligner.model", str(folder))["rows"]
    null = {row["decoding"]: round(3 * row["share_null"]) for row in rows}
    assert null == dict(zip(PARTS, (2, 1, 2, 2, 1), strict=True))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "text").mkdir()
    for number, language in enumerate(("en", "nl")):
        lines = "".join(row[number] + "\n" for row in sentences(60, seed=3))
        (folder / "text" / f"tales.{language}").write_text(lines)
    out = str(folder / "en-nl")
    ingest_corpus(IngestSettings(str(folder / "text"), out, "nl", cleaning=CleaningSettings(identify_language=False)))
    return out


def test_signals_vote_without_each_of_them(corpus, tiny_encoder, tiny_tagger, tmp_path, caplog):
    caplog.set_level("INFO")
    made = sentences(10, seed=4)
    rows = [gold_row(*row) for row in made]
    # Where the other side has no town, none is judged.
    rows[0]["nl"]["tags"] = [tag if tag == "B-PER" else "O" for tag in rows[0]["nl"]["tags"]]
    # Here the gold has another word for the person.
    words, tags = rows[1]["nl"]["tokens"], rows[1]["nl"]["tags"]
    tags[tags.index("B-PER")], tags[words.index("oude")] = "O", "B-PER"
    # What the gold does not mark is a candidate, but not counted.
    rows[2]["en"]["tags"] = [tag if tag == "B-PER" else "O" for tag in rows[2]["en"]["tags"]]
    lexicon, other = tmp_path / "towns.en-nl.tsv", tmp_path / "towns.en-de.tsv"
    lexicon.write_text("".join(f"LOC\t{town}\t{town}\t{number}\n" for number, (*_, town) in enumerate(made[:5])))
    other.write_text("".join(f"LOC\t{town}\t{town}\t{number}\n" for number, (*_, town) in enumerate(made)))
    result = run(
        tmp_path,
        *("signals", "--corpus", corpus, "--gold", write(tmp_path / "gold.jsonl", rows), "--target", "nl"),
        *(
            "--lexicons",
            f"[{lexicon}, {other}]",
            "--pairs",
            "20",
            "--tagger.model",
            tiny_tagger,
            "--encoder",
            tiny_encoder,
        ),
    )
    found = {row["signals"]: row for row in result["rows"]}
    assert all(name in caplog.text for name in found)
    assert {row["names"] for row in found.values()} == {19}
    everything = found["all"]
    assert everything["found"] == 1
    assert everything["agreed"] > 0.5
    families = [name.removesuffix(" alone") for name in found if name.endswith(" alone")]
    assert len(families) == 8
    for family in families:
        assert found[f"without {family}"]["agreed"] <= everything["agreed"]
        # Agreement takes two families.
        assert found[f"{family} alone"]["agreed"] == 0
        assert found[f"{family} alone"]["agreed_right"] is None
    assert min(found[f"without {family}"]["agreed"] for family in families) < everything["agreed"]
    # All names stay as they are; of 18 that are judged one is wrong.
    identical = found["identical alone"]
    assert (identical["found"], identical["found_right"]) == (1, pytest.approx(17 / 18))
    assert (found["lexicon alone"]["found"], found["lexicon alone"]["found_right"]) == (4 / 19, 1)
    assert {"without similarity-1", "without transliterated"} < set(found)


def test_signals_need_a_corpus_of_the_language(corpus, tmp_path, capsys):
    gold = write(tmp_path / "gold.jsonl", [gold_row(*row) for row in sentences(1, seed=5)])
    with pytest.raises(SystemExit) as ended:
        run_job(ABLATIONS["JOB"], ["signals", "--corpus", corpus, "--gold", gold, "--target", "de"])
    assert ended.value.code == 2
    assert "a corpus of en-nl; the signals need one of en-de" in capsys.readouterr().err


def test_aligners_are_timed_on_the_same_pairs(corpus, trained, tiny_tagger, tmp_path):
    speed = runpy.run_path(str(ROOT / "benchmarks" / "aligner_speed.py"))
    settings = speed["SpeedSettings"](
        corpus, "tales", aligners=[trained, trained], pairs=12, rounds=2, tagger=TaggerSettings(tiny_tagger)
    )
    started = time.monotonic()
    result = speed["time_aligners"](settings)
    elapsed = time.monotonic() - started
    assert result["pairs"] == 12
    assert result["entities"] >= 12
    assert [row["aligner"] for row in result["rows"]] == [trained, trained]
    assert result["rows"][1]["ratio"] == 1
    # Two rounds of 12 pairs for each of two, in less than all of it.
    assert sum(2 * 12 / row["pairs_per_second"] for row in result["rows"]) < elapsed + 1
    with pytest.raises(XnerError, match="ask for fewer"):
        speed["time_aligners"](replace(settings, pairs=1000))


BOOKKEEPING = runpy.run_path(str(ROOT / "benchmarks" / "bookkeeping.py"))


def test_planning_is_timed(tmp_path):
    result = BOOKKEEPING["time_planning"](BOOKKEEPING["PlanningTimes"](str(tmp_path), shards=30))
    assert (result["unfinished"], result["unfinished_when_all_are_labelled"], result["current"]) == (30, 0, True)
    # In MiB, of a process that has imported PyTorch.
    assert 100 < result["planning_peak_memory_mib"] < 20_000


@pytest.mark.slow
def test_nights_are_timed(tmp_path):
    result = BOOKKEEPING["time_nights"](BOOKKEEPING["NightlyTimes"](str(tmp_path), 8, 8, 0.1))
    assert result["lines"] == 25
    assert 0 < result["changed_shards"] == result["alone_shards"] < result["shards"]
    assert result["ratio"] > 0


def test_the_pipeline_is_compared_with_xner_on_gold(tiny_tagger, tmp_path):
    new_student(StudentRecipe(model=tiny_tagger), ["LOC", "PER"]).save_pretrained(tmp_path / "student")
    isolating_words(load_tokenizer(Path(tiny_tagger))).save_pretrained(tmp_path / "student")
    (tmp_path / "gold.conll").write_text('"\tO\nKöln\tB-LOC\n"\tO\n\nAnna\tB-PER\n(\tO\nUlm\tB-LOC\n)\tO\n')
    module = runpy.run_path(str(ROOT / "benchmarks" / "pipeline_agreement.py"))
    settings = module["PipelineComparison"](str(tmp_path / "student"), [str(tmp_path / "gold.conll")])
    (figures,) = module["compare_pipeline"](settings)["figures"].values()
    assert figures["sentences"] == 2
    assert figures["entities"] > 0
    assert figures["agreement"] == 100
    assert figures["F1"] == figures["F1 pipeline"]
    one, other = [{(0, 4, "LOC")}, {(0, 1, "PER")}], [{(0, 4, "LOC")}, {(0, 1, "LOC"), (2, 3, "PER")}]
    assert module["f1"](one, other) == pytest.approx(40)
    assert module["torn"]("in Köln.", {(3, 7, "LOC"), (3, 8, "LOC"), (3, 6, "LOC"), (4, 7, "LOC")}) == 2
