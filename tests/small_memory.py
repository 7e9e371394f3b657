"""A tagger and a similarity aligner on a device with little memory, for actors of tests to load."""

from dataclasses import dataclass

import torch
from torch import nn

from xner_core.alignment.aligner import Aligner
from xner_core.alignment.aligner_settings import AlignerSettings
from xner_core.tagging.tagger import Tagger
from xner_core.tagging.tagger_settings import TaggerSettings


def limit_memory(module: nn.Module, tokens: int) -> None:
    """Lets a module raise what PyTorch raises when it reads more than so many tokens at once, padding included."""

    def check(module, args, kwargs):
        ids = kwargs["input_ids"]
        if ids.numel() > tokens:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {ids.numel()} tokens.")

    module.register_forward_pre_hook(check, with_kwargs=True)


@dataclass(frozen=True)
class SmallTaggerSettings(TaggerSettings):
    tokens: int = 100

    def load(self) -> Tagger:
        tagger = super().load()
        limit_memory(tagger._forward._outputs.model, self.tokens)
        return tagger


@dataclass(frozen=True)
class SmallAlignerSettings(AlignerSettings):
    tokens: int = 100

    def load(self) -> Aligner:
        aligner = super().load()
        encoder = aligner._encoder
        limit_memory(encoder._forward([encoder.layer])._outputs.model, self.tokens)
        return aligner
