"""On a GPU: labels as the CPU's, several models at once, and memory that does not suffice."""

import pytest
import torch

from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import AlignmentQuery
from xner_core.models.batching import run_batches
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Span

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that PyTorch sees"),
]

TEXTS = [
    "Angela Merkel was in Bonn and Ulm.",
    "Nobody was there.",
    "",
    *(f"Ada Lovelace saw Kiel {i}." for i in range(40)),
]
QUERY = AlignmentQuery(TEXTS[0], "In Bonn und Ulm war Angela Merkel.", (Span(0, 13), Span(21, 25), Span(30, 33)))


def spans(found):
    return [[(entity.span, entity.type) for entity in entities] for entities in found]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_tagger_finds_what_it_finds_on_a_cpu(precision):
    on_cpu = TaggerSettings(device="cpu", runtime="torch", precision="float32").load().tag(TEXTS)
    on_gpu = TaggerSettings(device="cuda", precision=precision).load().tag(TEXTS)
    assert spans(on_gpu) == spans(on_cpu)
    for one, other in zip(on_gpu, on_cpu, strict=True):
        assert [each.confidence for each in one] == pytest.approx([each.confidence for each in other], abs=0.05)


@pytest.mark.parametrize("model", ["starter", "similarity"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_an_aligner_finds_what_it_finds_on_a_cpu(model, precision):
    on_cpu = AlignerSettings(model, device="cpu", runtime="torch", precision="float32").load().align([QUERY])
    on_gpu = AlignerSettings(model, device="cuda", precision=precision).load().align([QUERY])
    assert [found.target for found in on_gpu[0]] == [found.target for found in on_cpu[0]]


def test_several_models_share_a_gpu():
    taggers = [TaggerSettings(device="cuda").load() for _ in range(2)]
    aligner = AlignerSettings(device="cuda").load()
    first, second = (tagger.tag(TEXTS) for tagger in taggers)
    assert spans(first) == spans(second)
    assert len(aligner.align([QUERY])[0]) == 3


def test_a_batch_that_the_gpu_has_no_memory_for_is_halved():
    free, _ = torch.cuda.mem_get_info()
    row = free // 4
    done = []

    def run(batch):
        torch.empty((len(batch), row), dtype=torch.uint8, device="cuda")
        done.extend(batch)

    run_batches([list(range(8))], run)
    assert sorted(done) == list(range(8))
