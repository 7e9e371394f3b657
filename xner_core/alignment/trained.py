"""Aligners with trained weights: inference, and the files that hold them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft import LoraConfig, PeftModel, set_peft_model_state_dict
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file

from xner_core.alignment.aligner_kinds import MARKER
from xner_core.alignment.assignment import assign
from xner_core.alignment.candidates import Candidates
from xner_core.alignment.pair_rows import PairRow, PairTokeniser, collate_rows
from xner_core.alignment.preparation import (
    PreparedQueries,
    StagedAligner,
    answer,
    entities_by_query,
    prepare,
    span_rules,
)
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.alignment.recipe import TrainedRecipe
from xner_core.alignment.scorers import HEADS, PairScorer
from xner_core.alignment.segments import span_scores
from xner_core.models.adapters import add_adapter
from xner_core.models.batch_size import tokens_at_once
from xner_core.models.batching import pad_states, run_batches, token_batches
from xner_core.models.devices import sent_to_host, wait_for
from xner_core.models.forward import Outputs, forward_pass
from xner_core.models.loading import keep_lower_layers, load_encoder
from xner_core.models.model_settings import FLOAT32, Arithmetic
from xner_core.models.precision import autocast
from xner_core.models.window_size import model_window

HEAD_FILE = "head.safetensors"
ADAPTER_FILE = "adapter_model.safetensors"
# Candidates of an entity that take part in the assignment.
_CANDIDATES = 16
# Entities whose spans are scored at once on the host.
_ENTITIES_AT_ONCE = 256
# The score of words that no row decides: nothing is found there.
_UNREAD = -1e4


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Tokenised queries, and the rows that the encoder reads."""

    queries: PreparedQueries
    rows: list[PairRow]


class TrainedAligner(StagedAligner):
    """Aligns by a trained scorer of sentence pairs; an `Aligner`."""

    def __init__(
        self,
        folder: str | Path,
        recipe: TrainedRecipe,
        device: str = "cpu",
        batch_tokens: int | None = None,
        arithmetic: Arithmetic = FLOAT32,
    ) -> None:
        super().__init__()
        scorer, self._tokeniser = load_scorer(folder, recipe)
        self._forward = forward_pass(Outputs(scorer.encoder), self._tokeniser.padding, device, arithmetic)
        self._scorer = scorer.eval()
        self._scorer.head.to(device)
        self._recipe = recipe
        self._device = torch.device(device)
        self._batch_tokens = tokens_at_once(batch_tokens, self._forward, scorer.encoder.config, self._device)
        self._arithmetic = arithmetic

    def prepare(self, queries: Sequence[AlignmentQuery]) -> PreparedRows:
        prepared = prepare(self._tokeniser, queries)
        return PreparedRows(prepared, entity_rows(self._tokeniser, prepared))

    @torch.inference_mode()
    def compute(self, prepared: PreparedRows) -> list[np.ndarray]:
        """Potentials of each entity's target words, [words, 3] each."""
        queries, rows = prepared.queries, prepared.rows
        lengths = [len(queries.texts[queries.targets[query]].kinds) for query in queries.entity_query]
        potentials = [np.full((length, 3), _UNREAD, dtype=np.float32) for length in lengths]

        computed: list[tuple[list[PairRow], torch.Tensor]] = []

        def score(batch: Sequence[int]) -> None:
            chosen = [rows[i] for i in batch]
            (flat,) = self._forward([row.ids for row in chosen])
            states = pad_states(flat, [row.ids for row in chosen])
            with autocast(self._device, self._arithmetic):
                found = self._scorer.potentials(states, collate_rows(chosen, self._tokeniser.padding).to(self._device))
            computed.append((chosen, sent_to_host(found.float())))

        run_batches(token_batches([len(row.ids) for row in rows], self._batch_tokens), score)
        wait_for(self._device)
        for chosen, found in computed:
            owners = [(row, entity) for row in chosen for entity in row.entities]
            for (row, entity), values in zip(owners, found.numpy(), strict=True):
                count = len(row.word_tokens)
                potentials[entity][row.first_word : row.first_word + count] = values[:count]
        return potentials

    def choose(self, queries: Sequence[AlignmentQuery]) -> tuple[Candidates, PreparedQueries]:
        """The spans chosen for all entities that can be aligned, whatever their confidence."""
        prepared = self.prepare(queries)
        return choose_spans(prepared.queries, self.compute(prepared)), prepared.queries

    def finish(self, prepared: PreparedRows, computed: list[np.ndarray]) -> list[list[Alignment]]:
        queries = prepared.queries
        chosen = choose_spans(queries, computed)
        confidence = self._recipe.calibration(log_odds(chosen.score), log_odds(chosen.support))
        absent = (chosen.support < self._recipe.min_presence) | (confidence < self._recipe.min_confidence)
        return answer(queries, chosen, confidence, absent)


def entity_rows(tokeniser: PairTokeniser, prepared: PreparedQueries) -> list[PairRow]:
    """The rows of all entities that can be aligned, query by query."""
    rows: list[PairRow] = []
    for entities in entities_by_query(prepared):
        query = prepared.entity_query[entities[0]]
        source, target = prepared.texts[prepared.sources[query]], prepared.texts[prepared.targets[query]]
        rows.extend(tokeniser.rows(source.tokens, target.tokens, entities, prepared.entity_words[entities]))
    return rows


def choose_spans(prepared: PreparedQueries, potentials: Sequence[np.ndarray]) -> Candidates:
    """The spans chosen for all entities.

    A span's score is its probability among all spans and none, its support that of there being any.
    """
    chosen = Candidates.empty(len(potentials))
    lengths = np.array([len(values) for values in potentials], dtype=np.int64)
    for entities in _sentence_groups(prepared, lengths):
        width = int(lengths[entities].max())
        padded = np.zeros((len(entities), width, 3), dtype=np.float32)
        for row, entity in enumerate(entities):
            padded[row, : lengths[entity]] = potentials[entity]
        candidates = _candidates(prepared, entities, padded, lengths[entities])
        picked = assign(candidates, prepared.entity_query[entities], prepared.entity_spans[entities])
        chosen.put(entities, candidates.take(picked))
    return chosen


def _sentence_groups(prepared: PreparedQueries, lengths: np.ndarray) -> list[np.ndarray]:
    """Entities of whole sentences, a limited number at once, short sentences with short ones."""
    groups: list[list[np.ndarray]] = []
    room = 0
    for sentence in sorted(entities_by_query(prepared), key=lambda sentence: lengths[sentence[0]]):
        if room < len(sentence):
            groups.append([])
            room = _ENTITIES_AT_ONCE
        groups[-1].append(sentence)
        room -= len(sentence)
    return [np.sort(np.concatenate(group)) for group in groups]


def _candidates(
    prepared: PreparedQueries, entities: np.ndarray, potentials: np.ndarray, lengths: np.ndarray
) -> Candidates:
    """The best candidates of some entities, [entities, candidates]."""
    rules = span_rules(prepared, entities, potentials.shape[1])
    words = np.arange(potentials.shape[1]) < lengths[:, None]
    scores = span_scores(torch.from_numpy(potentials), torch.from_numpy(words)).numpy()
    barred = np.pad(rules.forbidden.cumsum(axis=1), ((0, 0), (1, 0)))
    count = potentials.shape[1]
    allowed = np.zeros(scores.shape, dtype=bool)
    for step in range(scores.shape[1]):
        left = count - step
        allowed[:, step, :left] = rules.may_begin[:, :left] & rules.may_end[:, step:]
        allowed[:, step, :left] &= barred[:, step + 1 :] == barred[:, :left]
    flat = np.where(allowed, scores, _UNREAD).reshape(len(entities), -1)
    kept = min(_CANDIDATES, flat.shape[1])
    best = np.argpartition(-flat, kept - 1, axis=1)[:, :kept]
    score = np.take_along_axis(flat, best, axis=1)
    # Equal scores are told apart by position, so that the order does not hang on the partition.
    order = np.lexsort((best, -score), axis=1)
    best, score = np.take_along_axis(best, order, axis=1), np.take_along_axis(score, order, axis=1)
    top = np.maximum(flat.max(axis=1), 0)
    everything = np.exp(flat - top[:, None]).sum(axis=1) + np.exp(-top)
    probability = np.where(score > _UNREAD / 2, np.exp(score - top[:, None]) / everything[:, None], 0)
    start = best % count
    end = start + best // count + 1
    start[probability == 0] = -1
    presence = np.broadcast_to(1 - np.exp(-top)[:, None] / everything[:, None], probability.shape)
    return Candidates(start, end, probability.astype(np.float32), presence.astype(np.float32))


def log_odds(probability: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities, within bounds."""
    clipped = probability.astype(np.float64).clip(1e-6, 1 - 1e-6)
    return np.log(clipped) - np.log1p(-clipped)


def new_scorer(kind: str, encoder: str, layers: int | None, rank: int) -> tuple[PairScorer, PairTokeniser, int]:
    """A scorer to train: a low-rank adapter (LoRA, arXiv:2106.09685) on an encoder's lower layers, and a new head.

    Returns:
        it, its tokeniser, and the number of layers: `layers`, or two thirds of the encoder's
    """
    model, tokenizer = load_encoder(encoder)
    # Without dropout: on a CPU it takes a third of a step, and a low-rank adapter hardly overfits.
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    layers = layers or round(model.config.num_hidden_layers * 2 / 3)
    keep_lower_layers(model, layers)
    adapter = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    tokeniser = PairTokeniser(tokenizer, model_window(model, tokenizer), marked=kind == MARKER)
    return PairScorer(add_adapter(model, adapter), HEADS[kind](model.config.hidden_size)), tokeniser, layers


def save_scorer(folder: str | Path, scorer: PairScorer, encoder: str) -> None:
    """Saves adapter and head in half precision."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for file, state in (
        (ADAPTER_FILE, get_peft_model_state_dict(scorer.encoder)),
        (HEAD_FILE, scorer.head.state_dict()),
    ):
        save_file({name: tensor.half().contiguous() for name, tensor in state.items()}, folder / file)
    adapter = scorer.encoder.peft_config["default"]
    adapter.base_model_name_or_path = encoder
    adapter.inference_mode = True
    adapter.save_pretrained(str(folder))


def restore_scorer(folder: str | Path, scorer: PairScorer) -> None:
    """Gives a scorer in training the weights that `save_scorer` saved."""
    set_peft_model_state_dict(scorer.encoder, _float32(Path(folder) / ADAPTER_FILE))
    scorer.head.load_state_dict(_float32(Path(folder) / HEAD_FILE))


def load_scorer(folder: str | Path, recipe: TrainedRecipe) -> tuple[PairScorer, PairTokeniser]:
    """The scorer that a trained aligner's folder holds, its adapter merged into the encoder, and its tokeniser.

    Raises:
        XnerError: the encoder cannot be loaded.
    """
    model, tokenizer = load_encoder(recipe.encoder)
    window = model_window(model, tokenizer)
    keep_lower_layers(model, recipe.layers)
    head = HEADS[recipe.kind](model.config.hidden_size)
    head.load_state_dict(_float32(Path(folder) / HEAD_FILE))
    merged = PeftModel.from_pretrained(model, folder).merge_and_unload()
    return PairScorer(merged, head), PairTokeniser(tokenizer, window, marked=recipe.kind == MARKER)


def _float32(file: Path) -> dict[str, torch.Tensor]:
    return {name: tensor.float() for name, tensor in load_file(file).items()}
