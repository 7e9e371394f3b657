from dataclasses import replace

import pytest

from label_files import sentences, write_labels
from xner_core.cli.job import Command, Job, build_parser
from xner_core.engine.study_run import run_study
from xner_core.errors import XnerError
from xner_core.labels.label_files import find_label_files
from xner_core.study.grid import loss_name, plan_cells
from xner_core.study.study_settings import StudySettings
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.student_settings import StudentRecipe


@pytest.fixture
def settings(tmp_path, tiny_encoder) -> StudySettings:
    labels = write_labels(tmp_path, sentences(30), sentences(20, seed=2), sentences(10, seed=3))
    return StudySettings(
        [labels], {"gold": "gold.conll"}, "out", [20, "all"], student=StudentRecipe(start="encoder", model=tiny_encoder)
    )


def plan(settings: StudySettings):
    return plan_cells(settings, find_label_files(settings.labels))


def test_cells_are_sizes_by_domains_by_losses_by_seeds(settings):
    losses = [LossSettings(), LossSettings("reverse_focal", 2.0)]
    cells, left_out = plan(replace(settings, domains=["each", "news+wiki", "all"], losses=losses, seeds=[1, 2]))
    # 40 of news and 20 of wiki; both together and all are the same.
    assert [(cell.domain, cell.pairs) for cell in cells[::4]] == [
        ("news", 20),
        ("wiki", 20),
        ("news+wiki", 20),
        ("news", 40),
        ("news+wiki", 60),
    ]
    assert left_out == ["20 pairs of wiki: there are 20"]
    assert {(cell.loss, cell.recipe.seed) for cell in cells} == {
        (loss, seed) for loss in ("cross entropy", "reverse focal γ=2") for seed in (1, 2)
    }
    first = cells[0].recipe
    assert (first.domains, first.pairs, first.model) == (["news"], 20, settings.student.model)
    assert cells[-1].recipe.pairs is None
    assert len({cell.key for cell in cells}) == len(cells)


def test_a_size_that_is_all_there_is_may_be_named(settings):
    cells, left_out = plan(replace(settings, sizes=[20, 60], domains=["wiki", "all"], seeds=[1]))
    assert [(cell.domain, cell.pairs) for cell in cells] == [("wiki", 20), ("all", 20), ("all", 60)]
    assert left_out == ["60 pairs of wiki: there are 20"]


def test_keys_follow_what_determines_a_student(settings, tmp_path):
    def keys(**changes) -> set[str]:
        return {cell.key for cell in plan(replace(settings, **changes))[0]}

    own = keys()
    assert keys(seeds=[3, 2, 1], sizes=["all", 20], domains=["news+wiki"], out="other", draws=3) == own
    assert keys(student=replace(settings.student, seed=9, pairs=3, threads=2)) == own
    assert keys(losses=[LossSettings()]) == own
    assert not own & keys(losses=[LossSettings("focal")])
    assert not own & keys(student=replace(settings.student, shuffle_buffer=3))
    assert not own & keys(domains=["news"])
    # More of another domain leaves the cells of this one alone.
    news = keys(domains=["news"])
    write_labels(tmp_path, *(sentences(count, seed=count) for count in (30, 20, 10, 5)))
    assert keys(domains=["news"]) == news
    assert not own & keys()


def test_what_is_not_there_is_refused(settings):
    with pytest.raises(XnerError, match="no domain europarl in the labels; there are news, wiki"):
        plan(replace(settings, domains=["news+europarl"]))
    with pytest.raises(XnerError, match=r"no cell in the grid \(100 pairs of all: there are 60\); ask for fewer pairs"):
        plan(replace(settings, sizes=[100]))


def test_losses_have_names():
    assert loss_name(LossSettings("reverse_focal", 2.0, detach_weight=False)) == (
        "reverse focal γ=2, differentiable weight"
    )
    assert loss_name(LossSettings("generalised_cross_entropy", 0.7, detach_weight=False)) == (
        "generalised cross entropy γ=0.7"
    )
    assert loss_name(LossSettings(gamma=3.0)) == "cross entropy"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": []}, "labels: name at least one"),
        ({"gold": {}}, "gold: name at least one"),
        ({"seeds": []}, "seeds: name at least one"),
        ({"types": []}, "types: name at least one"),
        ({"out": "s3://bucket/out"}, "out must be a local folder"),
    ],
)
def test_bad_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        StudySettings(**{"labels": ["a"], "gold": {"b": "c"}, "out": "d"} | change)


def test_settings_come_from_a_file_and_from_flags(tmp_path):
    (tmp_path / "study.yaml").write_text(
        "labels: [a]\ngold: {x: y}\nout: z\nsizes: [500, all]\nlosses: [{name: focal, gamma: 0.5}]\n"
        "student: {optimisation: {epochs: 2}}\n"
    )

    parser = build_parser(Job("", Command(StudySettings, run_study)))
    read = parser.instantiate(parser.parse_args(["--config", str(tmp_path / "study.yaml"), "--seeds", "[7]"]))
    assert (read.sizes, read.losses, read.seeds) == ([500, "all"], [LossSettings("focal", 0.5)], [7])
    assert read.student.optimisation.epochs == 2
