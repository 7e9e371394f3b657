import json
import pickle
import shutil
from dataclasses import replace

import pytest
import torch
from jsonargparse import ArgumentParser
from peft import LoraConfig, TaskType, get_peft_model
from transformers import AutoModelForTokenClassification

from label_files import label, row, sentences, write_labels
from xner_core.errors import XnerError
from xner_core.labels.label_files import LabelFile, find_label_files
from xner_core.models.loading import new_token_classifier
from xner_core.text.spans import Span
from xner_core.training.dev_set import read_dev
from xner_core.training.features import TargetScheme
from xner_core.training.label_filter import TrustSettings
from xner_core.training.student_identity import identity
from xner_core.training.student_model import new_student
from xner_core.training.student_plan import plan_training
from xner_core.training.student_settings import StudentRecipe, StudentSettings
from xner_core.training.tagger_training import save_adapter

CONLL = (
    "Anna\tB-PER\nWeber\tI-PER\nwohnt\tO\nin\tO\nUlm\tB-LOC\n.\tO\n\nSie\tO\narbeitet\tO\nbei\tO\nBosch\tB-ORG\n.\tO\n"
)


@pytest.fixture
def recipe(tiny_encoder) -> StudentRecipe:
    return StudentRecipe(start="encoder", model=tiny_encoder)


@pytest.fixture
def dev(tmp_path) -> str:
    path = tmp_path / "dev.conll"
    path.write_text(CONLL)
    return str(path)


def _plan(recipe, tmp_path, *files):
    return plan_training(recipe, find_label_files([write_labels(tmp_path, *files)]))


def test_plan_counts_what_is_trained_on(recipe, dev, tmp_path):
    rows = [
        row("Anna in Ulm", [label("PER", 0, 4), label("LOC", 8, 11, aligner=0.2)]),
        row("Otto in Bonn", [label("PER", 0, 4), label("ORG", None, None)]),
        row("kaputt", quarantine="Traceback"),
    ]
    plan = _plan(
        replace(recipe, dev=dev, trust=TrustSettings(learnt=0.5, masked=0.1), types=["PER"]), tmp_path, rows, []
    )
    assert (plan.counts.sentences, plan.counts.entities, plan.counts.masked) == (2, {"PER": 2}, 1)
    assert (plan.failed, dict(plan.counts.open), plan.window, plan.types) == (1, {"ORG": 1}, 128, ["PER"])
    assert len(plan.dev) == 2


def test_without_a_dev_file_some_pairs_are_held_out(recipe, tmp_path):
    plan = _plan(replace(recipe, held_out=20), tmp_path, sentences(150), sentences(150, seed=2))
    assert 5 < len(plan.dev) <= 40
    assert plan.counts.sentences + len(plan.dev) == 300
    assert any(text.entities for text in plan.dev)


class Elsewhere:
    """As a cluster does it, of whose processes nothing comes but what can be pickled."""

    def map(self, function, items):
        for item in items:
            there, its = pickle.loads(pickle.dumps((function, item)))
            yield pickle.loads(pickle.dumps(there(its)))


@pytest.mark.parametrize("language", ["de", "zh"])
def test_a_plan_is_the_same_wherever_the_files_are_read(recipe, language, tmp_path):
    folder = write_labels(tmp_path, *(sentences(60, seed) for seed in range(3)), language=language)
    plans = [plan_training(recipe, find_label_files([folder]), tasks=tasks) for tasks in (None, Elsewhere())]
    here, there = (replace(plan, tokenizer=None) for plan in plans)
    assert here == there
    assert plans[0].tokenizer.backend_tokenizer.to_str() == plans[1].tokenizer.backend_tokenizer.to_str()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "no sentence to train on"),
        ([row("kaputt", quarantine="Traceback")], "no sentence to train on"),
        ([row("Es regnet .")], "no entity of the types"),
        ([row("Anna lacht", [label("PER", 0, 4, tagger=0.1)])], "no entity of the types .* 1 of too little confidence"),
    ],
)
def test_labels_with_nothing_to_learn_are_refused(recipe, dev, tmp_path, rows, message):
    with pytest.raises(XnerError, match=message):
        _plan(replace(recipe, dev=dev, trust=TrustSettings(learnt=0.5, masked=0.1)), tmp_path, rows)


def test_held_out_pairs_without_entities_are_refused(recipe, tmp_path):
    with pytest.raises(XnerError, match="name a dev file"):
        _plan(recipe, tmp_path, [row("Anna lacht", [label("PER", 0, 4)])])


def test_tokens_that_names_begin_in_are_split_in_scripts_without_spaces(tiny_encoder, tmp_path):
    folder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, folder)
    # The tiny encoder's pieces are single characters.
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"][-5:] = [["在日本", -4.0], ["日本", -4.0], ["在", -3.0], ["日", -3.0], ["本", -3.0]]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (tmp_path / "dev.conll").write_text("在\tO\n日本\tB-LOC\n")
    files = find_label_files([write_labels(tmp_path, [row("在日本", [label("LOC", 1, 3)])], language="zh")])
    recipe = StudentRecipe(start="encoder", model=str(folder), dev=str(tmp_path / "dev.conll"))

    def tokens(recipe: StudentRecipe, files: list[LabelFile]) -> list[str]:
        return plan_training(recipe, files).tokenizer.tokenize("在日本")

    assert tokens(recipe, files) == ["▁", "在", "日本"]
    assert tokens(replace(recipe, straddled=None), files) == ["▁", "在日本"]
    assert tokens(recipe, [replace(file, language="de") for file in files]) == ["▁", "在日本"]


def test_dev_with_a_type_that_the_student_does_not_learn_is_refused(recipe, dev, tmp_path):
    rows = [row("Anna in Ulm", [label("PER", 0, 4), label("LOC", 8, 11)])]
    with pytest.raises(XnerError, match=r"marks ORG, .* set types to LOC,PER"):
        _plan(replace(recipe, dev=dev), tmp_path, rows)
    plan = _plan(replace(recipe, dev=dev, types=["LOC", "PER"]), tmp_path, rows)
    assert [[entity.type for entity in text.entities] for text in plan.dev] == [["PER", "LOC"], []]


def test_dev_that_marks_none_of_the_types_or_is_missing_is_refused(dev, recipe, tmp_path):
    with pytest.raises(XnerError, match="marks none of the types MISC, only LOC, ORG, PER"):
        read_dev(dev, ["MISC"], strict=False)
    with pytest.raises(XnerError, match="no such file"):
        identity(replace(recipe, dev=str(tmp_path / "none")), [])


def test_dev_leaves_open_what_it_never_marks(dev):
    texts = read_dev(dev, ["PER", "LOC", "ORG", "MISC"], strict=True)
    assert texts[0].text == "Anna Weber wohnt in Ulm ."
    assert [entity.span for entity in texts[0].entities] == [Span(0, 10), Span(20, 23)]
    assert all(text.missed == {"MISC"} for text in texts)


def test_dev_of_an_unspaced_script_is_joined_without_spaces(tmp_path):
    (tmp_path / "zh.conll").write_text("他\tO\n住在\tO\n北京\tB-LOC\n。\tO\n")
    (text,) = read_dev(str(tmp_path / "zh.conll"), ["LOC"], strict=True)
    assert (text.text, text.entities[0].span) == ("他住在北京。", Span(3, 5))


def test_types_are_the_taggers_where_they_cover_the_labels(tiny_tagger, tmp_path, dev):
    recipe = StudentRecipe(model=tiny_tagger, dev=dev)
    person = row("Anna lacht", [label("PER", 0, 4)])
    assert _plan(recipe, tmp_path / "a", [person]).types == ["LOC", "ORG", "PER"]
    other = row("Anna lacht", [label("PER", 0, 4), label("MISC", None, None)])
    with pytest.raises(XnerError, match="marks LOC, ORG"):
        _plan(recipe, tmp_path / "b", [other])
    assert _plan(replace(recipe, types=["MISC", "PER"]), tmp_path / "b", [other]).types == ["MISC", "PER"]


def test_student_of_a_tagger_keeps_what_the_tagger_knows(tiny_tagger):
    tagger = AutoModelForTokenClassification.from_pretrained(tiny_tagger)
    student = new_student(StudentRecipe(model=tiny_tagger), ["LOC", "MISC", "PER"])
    labels = ["O", "B-LOC", "I-LOC", "B-MISC", "I-MISC", "B-PER", "I-PER"]
    assert student.config.id2label == dict(enumerate(labels))
    for index, name in enumerate(labels):
        if "MISC" not in name:
            assert torch.equal(student.classifier.weight[index], tagger.classifier.weight[tagger.config.label2id[name]])
    ids = torch.tensor([[0, 10, 20, 2]])
    with torch.no_grad():
        own, its = student.eval()(input_ids=ids).logits, tagger.eval()(input_ids=ids).logits
    assert torch.allclose(own[..., [0, 1, 5]], its[..., [0, 5, 1]], atol=1e-6)


def test_student_of_an_adapter_is_trained_whole(tiny_encoder, tmp_path):
    base = new_token_classifier(tiny_encoder, TargetScheme(["PER"]).labels)
    adapter = LoraConfig(task_type=TaskType.TOKEN_CLS, r=2, target_modules=["query"], modules_to_save=["classifier"])
    save_adapter(get_peft_model(base, adapter), tiny_encoder, tmp_path)
    student = new_student(StudentRecipe(model=str(tmp_path)), ["PER"])
    assert all(parameter.requires_grad for parameter in student.parameters())
    assert not any("lora" in name for name, _ in student.named_parameters())


def test_student_of_an_encoder_has_a_new_head(tiny_encoder):
    student = new_student(StudentRecipe(start="encoder", model=tiny_encoder), ["PER"])
    assert student.config.id2label == {0: "O", 1: "B-PER", 2: "I-PER"}


def test_identity_follows_what_determines_the_student(recipe, tmp_path):
    files = find_label_files([write_labels(tmp_path, sentences(3), sentences(3))])
    own = identity(recipe, files)
    assert identity(replace(recipe, cpus_per_worker=2, threads=3, device="cuda"), list(files)) == own
    others = [
        identity(replace(recipe, seed=2), files),
        identity(replace(recipe, optimisation=replace(recipe.optimisation, batch_size=8)), files),
        identity(replace(recipe, num_workers=2), files),
        identity(recipe, files[:1]),
    ]
    assert all(other != own for other in others)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--labels", "[]", "--out", "x"],
        ["--labels", '["a"]', "--out", "x", "--student.types", "[]"],
        ["--labels", '["a"]', "--out", "x", "--student.types", '["PER", "PER"]'],
        ["--labels", '["a"]', "--out", "x", "--student.trust.outlier", "1.5"],
        ["--labels", '["a"]', "--out", "x", "--student.start", "middle"],
        ["--labels", '["a"]', "--out", "x", "--student.num_workers", "0"],
        ["--labels", '["a"]', "--out", "x", "--student.optimisation.epochs", "0"],
    ],
)
def test_bad_settings_are_refused(arguments):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(StudentSettings, as_group=False)
    with pytest.raises(Exception, match=r"labels|out|types|confidence|start|num_workers|epochs"):
        StudentSettings(**vars(parser.instantiate(parser.parse_args(arguments))))
