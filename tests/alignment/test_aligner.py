import json
from dataclasses import replace

import pytest

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.confidence import Calibration
from xner_core.alignment.recipe import ALIGNER_FILE, AlignerRecipe, read_recipe, write_recipe
from xner_core.errors import XnerError


@pytest.fixture
def recipe(tiny_encoder):
    return AlignerRecipe(tiny_encoder, layer=1, temperature=0.1, calibration=Calibration(1.0, 2.0, -3.0))


def test_a_recipe_is_read_as_it_was_written(recipe, tmp_path):
    write_recipe(tmp_path / "a", recipe, {"figure": 0.5})
    assert read_recipe(tmp_path / "a") == recipe
    assert AlignerSettings(str(tmp_path / "a")).recipe() == recipe


def test_settings_override_the_recipe(recipe, tmp_path):
    write_recipe(tmp_path, recipe, {})
    changed = AlignerSettings(str(tmp_path), encoder="other", min_confidence=0.0).recipe()
    assert (changed.encoder, changed.min_confidence, changed.layer) == ("other", 0.0, 1)


def test_the_fingerprint_follows_what_determines_the_alignments(recipe, tmp_path, tiny_encoder):
    write_recipe(tmp_path, recipe, {})
    fitted = AlignerSettings(str(tmp_path))
    first = fitted.fingerprint()
    assert AlignerSettings(str(tmp_path), batch_tokens=7).fingerprint() == first
    assert AlignerSettings(str(tmp_path), encoder=tiny_encoder).fingerprint() == first
    others = [
        AlignerSettings(str(tmp_path), min_confidence=0.9).fingerprint(),
        AlignerSettings(model="similarity", encoder=tiny_encoder).fingerprint(),
    ]
    write_recipe(tmp_path, replace(recipe, layer=2), {})
    assert len({first, fitted.fingerprint(), *others}) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "name 'starter', 'similarity', or a folder"),
        ("{}", "not the recipe of an aligner"),
        ('{"format": "other", "recipe": {}}', "its format is 'other'"),
        ("nonsense", "not valid JSON"),
    ],
)
def test_what_is_no_aligner_is_refused_by_name(tmp_path, content, message):
    if content is not None:
        (tmp_path / ALIGNER_FILE).write_text(content)
    with pytest.raises(XnerError, match=message) as error:
        AlignerSettings(str(tmp_path)).recipe()
    assert str(tmp_path) in str(error.value)


def test_a_recipe_of_another_version_is_refused(recipe, tmp_path):
    write_recipe(tmp_path, recipe, {})
    file = tmp_path / ALIGNER_FILE
    held = json.loads(file.read_text())
    held["recipe"]["surprise"] = 1
    file.write_text(json.dumps(held))
    with pytest.raises(XnerError, match="surprise"):
        read_recipe(tmp_path)
