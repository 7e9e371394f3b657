"""The tagger: any token classification model, from raw texts to typed character spans with a confidence."""

from collections.abc import Sequence
from threading import Lock

import numpy as np
import torch

from xner_core.models.batch_size import tokens_at_once
from xner_core.models.batching import run_batches, token_batches
from xner_core.models.devices import sent_to_host, wait_for
from xner_core.models.forward import Outputs, forward_pass
from xner_core.models.heads import head_labels
from xner_core.models.loading import LABEL_ALL_TOKENS, load_token_classifier
from xner_core.models.units import TokenisedText, TokenTokeniser, WordTokeniser
from xner_core.models.window_size import model_window
from xner_core.tagging.decoding import decode
from xner_core.tagging.label_scheme import LabelScheme, label_map
from xner_core.tagging.tagger_settings import TaggerSettings
from xner_core.text.spans import Entity


class Tagger:
    """Tags raw texts. Several threads may call `tag`: one computes at a time, while another tokenises."""

    def __init__(self, settings: TaggerSettings, device: str = "cpu") -> None:
        model, tokenizer = load_token_classifier(settings.model)
        self.settings = settings
        self._device = torch.device(device)
        # A model with a label for every token is read as the pipeline of Transformers reads it.
        self._labels_all = getattr(model.config, LABEL_ALL_TOKENS, False)
        tokeniser = TokenTokeniser if self._labels_all else WordTokeniser
        self._tokenise = tokeniser(tokenizer, model_window(model, tokenizer))
        names = head_labels(model.config)
        labels = [names[index] for index in range(len(names))]
        self._scheme = LabelScheme(labels, label_map(settings.label_map))
        self._forward = forward_pass(Outputs(model), tokenizer.pad_token_id, device, settings.arithmetic())
        self._batch_tokens = tokens_at_once(settings.batch_tokens, self._forward, model.config, self._device)
        self._computing = Lock()

    @property
    def types(self) -> list[str]:
        """The entity types that this tagger can find."""
        return self._scheme.types

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """The entities of each text, in the order of the texts and of their starts."""
        tokenised = self._tokenise(texts)
        with self._computing:
            probabilities = self._compute(tokenised)
        return decode(self._scheme, [text.units for text in tokenised], probabilities, constrained=not self._labels_all)

    @torch.inference_mode()
    def _compute(self, texts: Sequence[TokenisedText]) -> np.ndarray:
        """State probabilities of all units of all texts in order, [units, states]."""
        offsets = np.cumsum([0] + [len(text.units) for text in texts])
        probabilities = np.zeros((offsets[-1], len(self._scheme.states)), dtype=np.float32)
        probabilities[:, 0] = 1
        windows = [(offsets[i], window) for i, text in enumerate(texts) for window in text.windows]
        matrix = torch.from_numpy(self._scheme.matrix).to(self._device)

        computed: list[tuple[Sequence[int], torch.Tensor]] = []

        def compute(batch: Sequence[int]) -> None:
            (logits,) = self._forward([windows[i][1].ids for i in batch])
            computed.append((batch, sent_to_host(logits.float().softmax(dim=-1) @ matrix)))

        run_batches(token_batches([len(window.ids) for _, window in windows], self._batch_tokens), compute)
        wait_for(self._device)
        for batch, states in computed:
            start = 0
            for i in batch:
                offset, window = windows[i]
                probabilities[offset + window.units] = states.numpy()[start + window.positions]
                start += len(window.ids)
        return probabilities
