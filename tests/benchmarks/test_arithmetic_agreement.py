import gzip
import runpy
from pathlib import Path

import pytest
import torch

from xner_core.models.forward import Outputs
from xner_core.models.loading import load_token_classifier

PROGRAM = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "arithmetic_agreement.py"))


@pytest.fixture
def texts(tmp_path) -> dict[str, str]:
    with gzip.open(tmp_path / "en.gz", "wt") as file:
        file.write("Angela Merkel was in Bonn.\nNobody was there.\nAda saw Ulm.\n")
    (tmp_path / "de").write_text("In Bonn war Angela Merkel.\nNiemand war da.\nUlm sah Ada.\n")
    return {"source": str(tmp_path / "en.gz"), "target": str(tmp_path / "de")}


@pytest.mark.parametrize("other", ["float32", "emulated-bfloat16"])
def test_entities_that_stay_are_counted(texts, other):
    settings = PROGRAM["AgreementSettings"](**texts, other=other, aligners=("similarity",), pairs=2, batch_tokens=16)
    result = PROGRAM["compare_arithmetic"](settings)
    assert result["pairs"] == 2
    assert result["figures"] == {
        name: {"float32": 2, "other": 2, "both": 2, "F1": 100.0} for name in ("tags", "similarity")
    }


def test_emulation_rounds_weights_and_states(tiny_tagger):
    exact, rounded = (Outputs(load_token_classifier(tiny_tagger)[0]).eval() for _ in range(2))
    PROGRAM["emulate_bfloat16"](rounded)
    ids = torch.arange(5, 13)[None]
    with torch.inference_mode():
        (one,), (other,) = (outputs(ids, torch.ones_like(ids)) for outputs in (exact, rounded))
    assert not torch.equal(one, other)
    assert torch.equal(other, other.bfloat16().float())
    torch.testing.assert_close(other, one, rtol=0.1, atol=0.1 * float(one.abs().max()))
