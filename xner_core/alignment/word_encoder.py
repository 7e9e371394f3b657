"""Hidden states of the words of raw texts, each text encoded by itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from xner_core.models.batching import pad, run_batches, token_batches
from xner_core.models.loading import keep_lower_layers, load_encoder
from xner_core.models.model_settings import Precision
from xner_core.models.precision import arithmetic
from xner_core.models.window_size import check_layers, model_window
from xner_core.text.words import words

# Tokens that two neighbouring windows of a long text share; each decides half of them.
WINDOW_OVERLAP = 64
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """A text of the same length that tokenizers take: a lone surrogate is no character, and they refuse it."""
    return _SURROGATE.sub("\ufffd", text)


def mark_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Ids of lone word-start marks, which can claim the offsets of the character after them."""
    marks = [tokenizer.convert_tokens_to_ids(mark) for mark in ("▁", "Ġ")]
    return [id_ for id_ in marks if id_ not in (None, tokenizer.unk_token_id)]


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


def words_of_tokens(
    words: np.ndarray, ids: np.ndarray, offsets: np.ndarray, marks: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The words that each token overlaps, which are neighbours: the first of them, and how many, both [tokens].

    Args:
        words: half-open offsets in the text, [words, 2]
        ids: token ids, [tokens]
        offsets: of the tokens, half-open, [tokens, 2]
        marks: ids of tokens that are of no word
    """
    first = np.searchsorted(words[:, 1], offsets[:, 0], side="right")
    count = np.searchsorted(words[:, 0], offsets[:, 1], side="left") - first
    count[np.isin(ids, marks) | (count < 0)] = 0
    return first, count


class WordEncoder:
    """An encoder that gives words the mean of their tokens' hidden states."""

    def __init__(
        self, name: str, device: str, batch_tokens: int, layer: int | None = None, precision: Precision = "float32"
    ):
        model, tokenizer = load_encoder(name)
        self.layers: int = model.config.num_hidden_layers
        # 7 of 12; good middle layers lie at about this depth in larger encoders as well.
        self.layer = layer or round(self.layers * 7 / 12)
        if not 1 <= self.layer <= self.layers:
            raise ValueError(f"encoder {name!r} has hidden layers 1 to {self.layers}, not {layer}")
        self._model = model.to(device)
        self._device = torch.device(device)
        self._batch_tokens = batch_tokens
        self._precision = precision
        self._tokenizer = tokenizer
        self._window = model_window(model, tokenizer)
        check_layers(model, tokenizer)
        self._padding = tokenizer.pad_token_id
        special = np.array(tokenizer("a", return_special_tokens_mask=True)["special_tokens_mask"], dtype=bool)
        ids = np.array(tokenizer("a")["input_ids"], dtype=np.int64)
        inside = np.flatnonzero(~special)
        self._prefix, self._suffix = ids[: inside[0]], ids[inside[-1] + 1 :]
        self._marks = mark_ids(tokenizer)

    def tokenise(self, texts: Sequence[str]) -> list[EncoderInput]:
        if not texts:
            return []
        cleaned = [clean_text(text) for text in texts]
        encoded = self._tokenizer(
            cleaned, add_special_tokens=False, return_offsets_mapping=True, return_attention_mask=False, verbose=False
        )
        return [
            self._input(text, ids, offsets)
            for text, ids, offsets in zip(texts, encoded["input_ids"], encoded["offset_mapping"], strict=True)
        ]

    def _input(self, text: str, token_ids: list[int], token_offsets: list[tuple[int, int]]) -> EncoderInput:
        spans = np.array(words(text), dtype=np.int64).reshape(-1, 2)
        ids = np.array(token_ids, dtype=np.int64)
        offsets = np.array(token_offsets, dtype=np.int64).reshape(-1, 2)
        windows, positions = self._windows(ids)
        first, count = words_of_tokens(spans, ids, offsets, self._marks)
        before = np.cumsum(count) - count
        link_words = np.repeat(first - before, count) + np.arange(count.sum())
        return EncoderInput(spans, windows, link_words, np.repeat(positions, count))

    def _windows(self, ids: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """Windows of token ids, and the position of each token in the window that decides it."""
        room = self._window - len(self._prefix) - len(self._suffix)
        overlap = min(WINDOW_OVERLAP, room // 4)
        starts = range(0, max(len(ids) - overlap, 1), room - overlap)
        windows = [np.concatenate([self._prefix, ids[start : start + room], self._suffix]) for start in starts]
        token = np.arange(len(ids))
        decided_by = np.clip((token - overlap // 2) // (room - overlap), 0, len(windows) - 1)
        begins = np.cumsum([0] + [len(window) for window in windows])[decided_by]
        return windows, begins + len(self._prefix) + token - decided_by * (room - overlap)

    def keep_lower_layers(self) -> None:
        """Drops the layers above `layer`, for they are not needed."""
        keep_lower_layers(self._model, self.layer)

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

        def encode(batch: Sequence[int]) -> None:
            ids, mask = pad([windows[i] for i in batch], self._padding)
            with arithmetic(self._device, self._precision):
                output = self._model(
                    input_ids=ids.to(self._device), attention_mask=mask.to(self._device), output_hidden_states=True
                )
            # Which links fall into each window of the batch, and where they lie in the padded batch.
            batch_tokens = tokens_before[batch]
            low = np.searchsorted(link_tokens, batch_tokens)
            count = np.searchsorted(link_tokens, tokens_before[np.array(batch) + 1]) - low
            links = np.repeat(low - np.cumsum(count) + count, count) + np.arange(count.sum())
            rows = np.repeat(np.arange(len(batch)), count)
            flat = torch.from_numpy(rows * ids.shape[1] + link_tokens[links] - batch_tokens[rows]).to(self._device)
            target = torch.from_numpy(link_words[links]).to(self._device)
            weight = torch.from_numpy(share[link_words[links]]).to(self._device)[:, None]
            found = [output.hidden_states[layer].reshape(-1, hidden)[flat].float() * weight for layer in layers]
            for sums, values in zip(states, found, strict=True):
                sums.index_add_(0, target, values)

        run_batches(token_batches([len(window) for window in windows], self._batch_tokens), encode)
        return states
