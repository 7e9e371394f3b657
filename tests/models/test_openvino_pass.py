"""OpenVINO against PyTorch, in float32, which every CPU has; and what is said where it cannot be used."""

import sys

import numpy as np
import pytest
import torch

from architectures import ENCODERS, byte_tokenizer, save_model
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.errors import XnerError
from xner_core.models import precision
from xner_core.models.forward import Outputs, forward_pass
from xner_core.models.loading import load_encoder, load_token_classifier
from xner_core.models.model_settings import FLOAT32, Arithmetic
from xner_core.models.precision import BERT_LIKE, has_bfloat16
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Span

OPENVINO = Arithmetic("openvino", "float32")
LENGTHS = [(5,), (1, 1), (64, 3, 17), (8, 8, 8, 8)]


def sequences(lengths) -> list[np.ndarray]:
    chance = np.random.default_rng(sum(lengths))
    return [chance.integers(4, 200, length) for length in lengths]


@pytest.mark.parametrize("kind", sorted(BERT_LIKE))
def test_it_computes_what_pytorch_does(kind, tmp_path):
    save_model(tmp_path, kind, ENCODERS[kind][0], byte_tokenizer())
    for load, layers in ((load_token_classifier, None), (load_encoder, None), (load_encoder, [1, 2])):
        passes = [forward_pass(Outputs(load(str(tmp_path))[0], layers), 1, "cpu", way) for way in (FLOAT32, OPENVINO)]
        for lengths in LENGTHS:
            expected, found = (forward(sequences(lengths)) for forward in passes)
            assert len(found) == len(layers or [0])
            for one, other in zip(found, expected, strict=True):
                assert one.shape[0] == sum(lengths)
                torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_tagger_and_aligners_find_the_same(tiny_tagger, tiny_encoder):
    texts = ["Angela Merkel was in Bonn and Ulm.", "", "no name", "Bonn " * 100]
    queries = [AlignmentQuery(texts[0], "In Bonn und Ulm war Angela Merkel.", (Span(0, 13), Span(21, 25)))]
    taggers = [TaggerSettings(tiny_tagger, runtime=runtime, precision="float32") for runtime in ("torch", "openvino")]
    one, other = (settings.load().tag(texts) for settings in taggers)
    assert [[(each.span, each.type) for each in found] for found in one] == [
        [(each.span, each.type) for each in found] for found in other
    ]
    for model, encoder in (("similarity", tiny_encoder), ("starter", None)):
        one, other = (
            AlignerSettings(model, encoder, runtime=runtime, precision="float32").load().align(queries)
            for runtime in ("torch", "openvino")
        )
        assert [found.target for found in one[0]] == [found.target for found in other[0]]


def test_models_of_other_types_are_refused(tmp_path):
    save_model(tmp_path, "longformer", ENCODERS["longformer"][0], byte_tokenizer())
    with pytest.raises(XnerError, match="'longformer' is not computed by OpenVINO; take the runtime torch"):
        TaggerSettings(str(tmp_path), runtime="openvino", precision="float32").load()


def test_a_node_without_openvino_says_what_to_install(tiny_tagger, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(XnerError, match=r"not installed on .*: pip install 'xner\[cpu\]' on every node"):
        TaggerSettings(tiny_tagger, runtime="openvino", precision="float32").load()


def test_a_cpu_without_the_precision_says_so(tiny_tagger):
    settings = TaggerSettings(tiny_tagger, runtime="openvino", precision="bfloat16")
    if has_bfloat16("cpu"):
        assert settings.load().tag(["Bonn"])
    else:
        with pytest.raises(XnerError, match="no instructions for bfloat16"):
            settings.load()


@pytest.mark.parametrize(
    ("cpu_has_it", "installed", "asked", "expected"),
    [
        (True, True, {}, FLOAT32),
        (True, True, {"precision": "float32"}, FLOAT32),
        (True, True, {"runtime": "torch"}, FLOAT32),
        (False, True, {"runtime": "openvino"}, OPENVINO),
        (True, True, {"device": "cuda"}, FLOAT32),
        (True, True, {"device": "cuda", "precision": "bfloat16"}, Arithmetic("torch", "bfloat16")),
        (False, True, {"precision": "bfloat16"}, Arithmetic("torch", "bfloat16")),
        (True, False, {"precision": "bfloat16"}, Arithmetic("torch", "bfloat16")),
        (True, True, {"precision": "bfloat16"}, Arithmetic("openvino", "bfloat16")),
    ],
)
def test_auto_takes_what_is_there_and_gains(cpu_has_it, installed, asked, expected, tiny_tagger, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: cpu_has_it)
    monkeypatch.setattr(precision, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert TaggerSettings(tiny_tagger, **asked).arithmetic() == expected


def test_auto_is_what_it_always_was_for_other_models(tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda device: True)
    save_model(tmp_path, "modernbert", ENCODERS["modernbert"][0], byte_tokenizer())
    for device in ("cpu", "cuda"):
        assert TaggerSettings(str(tmp_path), device=device).arithmetic() == FLOAT32


def test_openvino_is_not_for_gpus(tiny_tagger):
    with pytest.raises(XnerError, match="on CPUs alone"):
        TaggerSettings(tiny_tagger, runtime="openvino", device="cuda").arithmetic()


def test_pytorch_in_float32_has_the_fingerprint_that_it_always_had(tiny_tagger, tiny_encoder):
    for settings in (TaggerSettings(tiny_tagger), AlignerSettings("similarity", tiny_encoder)):
        identity = settings.identity()
        assert identity["precision"] == "float32" if settings.arithmetic() == FLOAT32 else True
        assert FLOAT32.identity() == {"precision": "float32"}
        assert OPENVINO.identity() == {"precision": "float32", "runtime": "openvino"}
