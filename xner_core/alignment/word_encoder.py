"""Hidden states of the words of raw texts, each text encoded by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from xner_core.models.batch_size import LEAST, tokens_at_once
from xner_core.models.batching import run_batches, token_batches
from xner_core.models.forward import ForwardPass, Outputs, forward_pass
from xner_core.models.loading import keep_lower_layers, load_encoder
from xner_core.models.model_settings import FLOAT32, Arithmetic
from xner_core.models.text_reading import before, text_reader
from xner_core.models.tokenisation import mark_ids, special_tokens, word_links
from xner_core.models.window_size import check_layers, model_window
from xner_core.models.windows import windows_over


@dataclass(frozen=True, slots=True)
class EncoderInput:
    """A text's words, and the windows of tokens that the encoder reads.

    Attributes:
        words: half-open offsets in the text, [words, 2]
        windows: token ids with special tokens, one array a window
        link_words: for each pair of a word and a token of it, the word's index, [links]
        link_tokens: and the token's position in all windows one after the other, [links]
    """

    words: np.ndarray
    windows: list[np.ndarray]
    link_words: np.ndarray
    link_tokens: np.ndarray


class WordEncoder:
    """An encoder that gives words the mean of their tokens' hidden states."""

    def __init__(
        self,
        name: str,
        device: str,
        batch_tokens: int | None,
        layer: int | None = None,
        arithmetic: Arithmetic = FLOAT32,
    ) -> None:
        model, tokenizer = load_encoder(name)
        self.layers: int = model.config.num_hidden_layers
        # 7 of 12; good middle layers lie at about this depth in larger encoders as well.
        self.layer = layer or round(self.layers * 7 / 12)
        if not 1 <= self.layer <= self.layers:
            raise ValueError(f"encoder {name!r} has hidden layers 1 to {self.layers}, not {layer}")
        self._model = model
        self._device = torch.device(device)
        self._asked_tokens = batch_tokens
        self._batch_tokens = batch_tokens or LEAST
        self._arithmetic = arithmetic
        self._passes: dict[tuple[int, ...], ForwardPass] = {}
        self._read = text_reader(tokenizer)
        window = model_window(model, tokenizer)
        check_layers(model, tokenizer)
        self._padding = tokenizer.pad_token_id
        self._before, self._after = special_tokens(tokenizer, texts=1)
        self._room = window - len(self._before) - len(self._after)
        self._marks = mark_ids(tokenizer)

    def tokenise(self, texts: Sequence[str]) -> list[EncoderInput]:
        """The words of each text, and the windows of tokens to read."""
        read = self._read(texts)
        words, tokens = read.in_a_row()
        link_words, link_tokens = word_links(words, tokens, self._marks)
        counts = np.bincount(np.repeat(np.arange(read.texts), read.token_counts)[link_tokens], minlength=read.texts)
        link_words -= np.repeat(read.first_words[:-1], counts)
        link_tokens -= np.repeat(read.first_tokens[:-1], counts)
        ids, starts = read.with_special_tokens(self._before, self._after)
        bounds = (pairwise(ends.tolist()) for ends in (read.first_words, starts, before(counts)))
        inputs = []
        for (low, high), (begin, end), (first, last) in zip(*bounds, strict=True):
            inputs.append(
                self._input(read.words[low:high], ids[begin:end], link_words[first:last], link_tokens[first:last])
            )
        return inputs

    def _input(
        self, words: np.ndarray, ids: np.ndarray, link_words: np.ndarray, link_tokens: np.ndarray
    ) -> EncoderInput:
        """A text of which all token ids are given, special ones included, and the links to tokens without these."""
        tokens = len(ids) - len(self._before) - len(self._after)
        if tokens <= self._room:
            return EncoderInput(words, [ids], link_words, link_tokens + len(self._before))
        windows = windows_over(tokens, self._room)
        cut = windows.ids(ids[len(self._before) :][:tokens], self._before, self._after)
        decided_by = windows.deciding(link_tokens)
        begins = np.cumsum([0] + [len(window) for window in cut])[decided_by]
        places = len(self._before) + link_tokens - decided_by * windows.stride
        return EncoderInput(words, cut, link_words, begins + places)

    def keep_lower_layers(self) -> None:
        """Drops the layers above `layer`, for they are not needed, and gets ready to give that one."""
        keep_lower_layers(self._model, self.layer)
        self._forward([self.layer])

    def _forward(self, layers: Sequence[int]) -> ForwardPass:
        wanted = tuple(layers)
        if wanted not in self._passes:
            forward = forward_pass(Outputs(self._model, wanted), self._padding, self._device.type, self._arithmetic)
            self._batch_tokens = tokens_at_once(self._asked_tokens, forward, self._model.config, self._device)
            self._passes[wanted] = forward
        return self._passes[wanted]

    def states(self, inputs: Sequence[EncoderInput], layers: Sequence[int]) -> list[torch.Tensor]:
        """Hidden states of all words of all texts in order; for each layer [words, hidden], float32.

        A word that no token covers has zeros.
        """
        windows = [window for text in inputs for window in text.windows]
        tokens_before = np.cumsum([0] + [len(window) for window in windows])
        words_before = np.cumsum([0] + [len(text.words) for text in inputs])
        first_token = tokens_before[np.cumsum([0] + [len(text.windows) for text in inputs])]
        link_words = np.concatenate([text.link_words + words_before[i] for i, text in enumerate(inputs)])
        link_tokens = np.concatenate([text.link_tokens + first_token[i] for i, text in enumerate(inputs)])
        order = np.argsort(link_tokens, kind="stable")
        link_words, link_tokens = link_words[order], link_tokens[order]
        share = 1 / np.maximum(np.bincount(link_words, minlength=words_before[-1]), 1).astype(np.float32)

        hidden = self._model.config.hidden_size
        states = [torch.zeros(words_before[-1], hidden, device=self._device) for _ in layers]

        forward = self._forward(layers)

        def encode(batch: Sequence[int]) -> None:
            outputs = forward([windows[i] for i in batch])
            # Which links fall into each window of the batch, and where they lie among its tokens.
            batch_tokens = tokens_before[batch]
            low = np.searchsorted(link_tokens, batch_tokens)
            count = np.searchsorted(link_tokens, tokens_before[np.array(batch) + 1]) - low
            links = np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
            lengths = [len(windows[i]) for i in batch]
            shift = np.cumsum(lengths) - lengths - batch_tokens
            flat = torch.from_numpy(link_tokens[links] + np.repeat(shift, count)).to(self._device)
            target = torch.from_numpy(link_words[links]).to(self._device)
            weight = torch.from_numpy(share[link_words[links]]).to(self._device)[:, None]
            found = [output[flat].float() * weight for output in outputs]
            for sums, values in zip(states, found, strict=True):
                sums.index_add_(0, target, values)

        run_batches(token_batches([len(window) for window in windows], self._batch_tokens), encode)
        return states
