"""Taggers and aligners that break on marked texts in the ways that real ones may, and are as they were on all others.

They are settings like any other, so that the projection itself has no hook for them.
"""

import ctypes
import os
import re
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity


def _raise() -> None:
    raise ValueError("poison")


def _hang() -> None:
    while True:
        time.sleep(1)


def _spin() -> None:
    """Hangs without ever giving up the interpreter lock."""
    re.match(r"(a+)+$", "a" * 64 + "b")


_device_failed = False


def _fail_device() -> None:
    """Fails as a GPU does after a device-side assert: this call raises, and every later one of this process."""
    global _device_failed
    _device_failed = True
    raise torch.AcceleratorError("CUDA error: device-side assert triggered")


FAULTS = {
    "raise": _raise,
    "device": _fail_device,
    "hang": _hang,
    "spin": _spin,
    "exit": lambda: os._exit(3),
    "segfault": lambda: ctypes.string_at(0),
    # As the kernel does when memory runs out.
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}
STAGES = ("tagger", "aligner")


_MARK = "☠"


def mark(stage: str, fault: str) -> str:
    """A word that makes a stage break, with this fault, on the source text that it is in."""
    return f"{_MARK}{stage}-{fault}"


def is_marked(text: str) -> bool:
    """Whether a text is one that models are to break on."""
    return _MARK in text


def _break_on(stage: str, texts: Sequence[str]) -> None:
    """Has the fault that is marked in one of the texts, if any is."""
    if _device_failed:
        _fail_device()
    for text in texts:
        if is_marked(text):
            for name, fault in FAULTS.items():
                if mark(stage, name) in text:
                    fault()


def _note(journal: str | None, stage: str, texts: int) -> None:
    """Adds a line to the journal: what was computed, whether or not it is kept."""
    if journal:
        with open(journal, "a") as file:
            file.write(f"{stage} {texts}\n")


@dataclass(frozen=True)
class PoisonedTaggerSettings(TaggerSettings):
    """Those of a tagger that breaks on marked texts.

    Args:
        poisoned: whether it does; otherwise it minds no mark
        seconds: that each text takes more, asleep, so that there is time for other faults
        journal: file with a line for each call
    """

    poisoned: bool = True
    seconds: float = 0.0
    journal: str | None = None

    def load(self) -> Any:
        return PoisonedTagger(super().load(), self)


class PoisonedTagger:
    """A tagger that breaks on marked texts, notes how many it is given, and takes its time."""

    def __init__(self, tagger: Tagger, settings: PoisonedTaggerSettings) -> None:
        self.settings = settings
        self._tagger = tagger

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """As `Tagger.tag`."""
        _note(self.settings.journal, "tagger", len(texts))
        if self.settings.poisoned:
            _break_on("tagger", texts)
        time.sleep(self.settings.seconds * len(texts))
        return self._tagger.tag(texts)


@dataclass(frozen=True)
class PoisonedAlignerSettings(AlignerSettings):
    """Those of an aligner that breaks on marked source texts; see `PoisonedTaggerSettings`."""

    poisoned: bool = True
    seconds: float = 0.0
    journal: str | None = None

    def load(self) -> Any:
        return PoisonedAligner(super().load(), self)


class PoisonedAligner:
    """An aligner that breaks on marked texts, notes how many pairs it is given, and takes its time."""

    def __init__(self, aligner: Aligner, settings: PoisonedAlignerSettings) -> None:
        self._settings = settings
        self._aligner = aligner

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """As `Aligner.align`."""
        _note(self._settings.journal, "aligner", len(queries))
        if self._settings.poisoned:
            _break_on("aligner", [query.source_text for query in queries])
        time.sleep(self._settings.seconds * len(queries))
        return self._aligner.align(queries)
