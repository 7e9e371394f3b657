"""Models and label maps that do not fit, from tiny folders of settings."""

import json
import shutil
from pathlib import Path

import pytest

from xner_core.errors import XnerError
from xner_core.tagging.tagger_check import check_tagger

ONTONOTES = ["O", "B-PERSON", "I-PERSON", "B-GPE", "I-GPE", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-DATE", "I-DATE"]


@pytest.fixture
def model(tiny_tagger, tmp_path):
    """Makes a folder like the tiny tagger's, with other labels or of another kind."""

    def make(labels: list[str] | None = None, kind: str | None = None) -> str:
        folder = tmp_path / f"model-{len(list(tmp_path.iterdir()))}"
        shutil.copytree(tiny_tagger, folder)
        config = json.loads((folder / "config.json").read_text())
        if labels:
            config["id2label"] = {str(index): label for index, label in enumerate(labels)}
            config["label2id"] = {label: index for index, label in enumerate(labels)}
        if kind:
            config["architectures"] = [kind]
        (folder / "config.json").write_text(json.dumps(config))
        return str(folder)

    return make


def test_what_fits(model, tiny_tagger):
    assert check_tagger("tagger.model", tiny_tagger, "conll") == (["LOC", "ORG", "PER"], [])
    assert check_tagger("tagger.model", "starter", "conll") == (["LOC", "MISC", "ORG", "PER"], [])
    unnamed = model(["LABEL_0", "LABEL_1"])
    types, warnings = check_tagger("tagger.model", unnamed, {"LABEL_1": "PER"})
    assert types == ["PER"]
    assert "LABEL_0" in warnings[0]


def test_what_is_left_out_or_not_used_is_said(model):
    name = model(ONTONOTES)
    types, warnings = check_tagger("tagger.model", name, "ontonotes")
    assert (types, len(warnings)) == (["LOC", "ORG", "PER"], 1)
    assert "DATE, which are left out" in warnings[0]
    _, warnings = check_tagger("tagger.model", name, {"PERSON": "PER", "WORK_OF_ART": "MISC"})
    assert any("WORK_OF_ART not used" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("label_map", "message"),
    [
        ("conll", r"finds PERSON, which label_map conll does not know; set --tagger\.label_map to ontonotes"),
        ({"PERSN": "PER", "GPE": "LOC"}, "'PERSN' is no type of .*did you mean PERSON"),
        ({"person": "PER", "GPE": "LOC"}, "'person' is no type of .*did you mean PERSON"),
        ({"A": "PER"}, r"types \['DATE', 'GPE', 'LOC', 'ORG', 'PERSON'\] are not in the label map"),
        ("conl", "no label map 'conl'"),
    ],
)
def test_a_label_map_that_does_not_fit_is_refused(model, label_map, message):
    with pytest.raises(XnerError, match=message):
        check_tagger("tagger.model", model(ONTONOTES), label_map)


def test_a_model_with_person_and_gpe_alone_is_refused_with_the_default_map(model):
    with pytest.raises(XnerError, match="ontonotes"):
        check_tagger("tagger.model", model(["O", "B-PERSON", "B-GPE"]), "conll")


def test_what_is_no_tagger_is_refused(model, tiny_encoder, tmp_path):
    with pytest.raises(XnerError, match=r"LABEL_0 to LABEL_2, without names.*--tagger\.label_map '{LABEL_2: PER}'"):
        check_tagger("tagger.model", model(["LABEL_0", "LABEL_1", "LABEL_2"]), "conll")
    with pytest.raises(XnerError, match="XLMRobertaForSequenceClassification, and no token classifier"):
        check_tagger("tagger.model", model(kind="XLMRobertaForSequenceClassification"), "conll")
    with pytest.raises(XnerError, match="no token classifier"):
        check_tagger("tagger.model", tiny_encoder, "conll")
    broken = Path(model())
    (broken / "config.json").write_text("{}")
    with pytest.raises(XnerError, match=r"its config\.json"):
        check_tagger("tagger.model", str(broken), "conll")
    with pytest.raises(XnerError, match="not a local folder"):
        check_tagger("tagger.model", str(tmp_path / "nowhere"), "conll")
