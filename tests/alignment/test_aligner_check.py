import shutil
from importlib.resources import files
from pathlib import Path

import pytest

from xner_core.alignment.aligner_check import check_aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.errors import XnerError


def test_aligners(tiny_encoder, tmp_path):
    check_aligner(AlignerSettings("similarity", tiny_encoder))
    shipped = Path(str(files("xner_core") / "starter" / "aligner"))
    recipe = tmp_path / "half"
    recipe.mkdir()
    shutil.copy(shipped / "aligner.json", recipe)
    with pytest.raises(XnerError, match=r"no \*\.safetensors"):
        check_aligner(AlignerSettings(str(recipe)))
    with pytest.raises(XnerError, match=r"there is no .*aligner\.json"):
        check_aligner(AlignerSettings(tiny_encoder))
    with pytest.raises(XnerError, match="not a local folder"):
        check_aligner(AlignerSettings("similarity", str(tmp_path / "nowhere")))
