"""A tagger in a process of its own, on texts that break it."""

from dataclasses import dataclass

import pytest
import torch

from chaos.poison import FAULTS, PoisonedTaggerSettings, mark
from xner_core.errors import RunFailure
from xner_core.projection.faults.child import ChildModel
from xner_core.projection.faults.quarantine import RowFault, isolate
from xner_core.tagging.tagger_settings import TaggerSettings

SECONDS = 5
REASONS = {
    "raise": "ValueError: poison",
    "device": "exited with status 1\n(.|\n)*AcceleratorError: CUDA error: device-side assert triggered",
    "hang": "took longer than 5 s",
    "exit": "exited with status 3",
    "segfault": "was killed by SIGSEGV",
    "kill": "was killed by SIGKILL",
}


def texts(*faults: str) -> list[str]:
    """Texts of which every third has one of the faults."""
    marked = [f"Ulm lies on the Danube {mark('tagger', fault)}" for fault in faults]
    return [text for poisoned in marked for text in ("Anna saw Bonn.", poisoned, "Otto Klein went to Kiel.")]


def child(tiny_tagger: str, most_deaths: int = 100) -> ChildModel:
    return ChildModel(PoisonedTaggerSettings(tiny_tagger), lambda rows: SECONDS, most_deaths)


def test_every_way_to_break_is_survived_and_told(tiny_tagger):
    with child(tiny_tagger) as model:
        for fault, expected in REASONS.items():
            with pytest.raises(RowFault, match=expected) as caught:
                model.tag(texts(fault)[1:2])
            # Where Python can tell, the reason says where it happened.
            assert ("poison.py" in str(caught.value)) == (fault in ("raise", "device", "hang", "segfault"))
        rows = texts("exit", "device", "segfault")
        found, quarantine = isolate(model.tag, rows, whole=False)
    assert [reason is not None for reason in quarantine] == [False, True, False] * 3
    healthy = [row for row in rows if "☠" not in row]
    assert [tags for tags in found if tags is not None] == TaggerSettings(tiny_tagger).load().tag(healthy)


def test_one_that_dies_again_and_again_is_given_up(tiny_tagger):
    with child(tiny_tagger, most_deaths=1) as model:
        with pytest.raises(RowFault):
            model.tag(texts("exit"))
        with pytest.raises(RunFailure, match=r"more often than faults.quarantine_limit leaves room for"):
            model.tag(texts("exit"))


def test_a_model_that_cannot_be_loaded_is_no_rows_fault(tmp_path):
    with child(str(tmp_path)) as model, pytest.raises(RunFailure, match="before its model was loaded"):
        model.tag(texts("raise"))


@dataclass(frozen=True)
class NoMemorySettings(TaggerSettings):
    """Settings of a tagger that has no memory, as PyTorch tells it."""

    def load(self, device: str = "cpu") -> "NoMemory":
        return NoMemory()


class NoMemory:
    def tag(self, texts):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def test_out_of_memory_is_told_as_such_and_is_no_death(tiny_tagger):
    with ChildModel(NoMemorySettings(tiny_tagger), lambda rows: SECONDS, most_deaths=0) as model:
        for _ in range(2):
            with pytest.raises(MemoryError, match=r"Tried to allocate 2\.00 GiB"):
                isolate(model.tag, ["Anna", "Otto"], whole=False)


def test_why_a_model_could_not_be_loaded_is_told(tmp_path):
    with child(str(tmp_path)) as model, pytest.raises(RunFailure, match=r"XnerError: model .* no "):
        model.tag(["Anna"])


def test_all_faults_are_tried_here_or_by_the_deadline():
    assert set(FAULTS) - set(REASONS) == {"spin"}
