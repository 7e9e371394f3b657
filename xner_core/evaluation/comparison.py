"""Students against direct transfer, from what both predict: scores, seen surfaces, mistakes, significance."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from xner_core.evaluation.bootstrap import paired_bootstrap
from xner_core.evaluation.gold import GoldSentence
from xner_core.evaluation.metrics import GOLD, entity_counts, f1, precision, recall
from xner_core.evaluation.mistakes import KINDS, Mistake, count_mistakes, find_mistakes
from xner_core.evaluation.surfaces import surface, surfaces
from xner_core.text.spans import Entity, entities_of_tags

STUDENT, DIRECT_TRANSFER = SYSTEMS = ("student", "direct_transfer")
ALL = "all"
# What a model predicts: IOB2 tags of each sentence's tokens.
Predictions = Sequence[Sequence[str]]


def compare(
    sentences: Sequence[GoldSentence],
    predictions: Mapping[str, Sequence[Predictions]],
    types: Sequence[str],
    seen: Callable[[set[str]], set[str]] | None = None,
    draws: int = 10_000,
    examples: int = 0,
    seed: int = 1,
) -> dict[str, Any]:
    """All that `evaluate_student` says of predictions.

    Args:
        sentences: the gold
        predictions: of `student` and of `direct_transfer`, for each seed
        types: entity types to score
        seen: tells those of some surfaces that were entities in training, to score these entities apart
        draws: of the bootstrap
        examples: of each kind of mistake of each system's first seed
        seed: of the bootstrap and of the choice of examples
    """
    types = sorted(types)
    texts = [sentence.text for sentence in sentences]
    gold = [_of_types(sentence.entities(), types) for sentence in sentences]
    found = {
        system: [
            [
                _of_types(entities_of_tags(tags, sentence.tokens), types)
                for tags, sentence in zip(of_seed, sentences, strict=True)
            ]
            for of_seed in predictions[system]
        ]
        for system in SYSTEMS
    }
    counts = {
        system: np.stack([entity_counts(gold, of_seed, types) for of_seed in found[system]]) for system in SYSTEMS
    }
    result: dict[str, Any] = {
        "types": types,
        "sentences": len(sentences),
        "entities": sum(map(len, gold)),
        **{system: system_figures(counts[system], types) for system in SYSTEMS},
        "difference": {
            name: asdict(
                paired_bootstrap(
                    _columns(counts[STUDENT], name, types), _columns(counts[DIRECT_TRANSFER], name, types), draws, seed
                )
            )
            for name in (ALL, *types)
        },
    }
    if seen:
        everything = [gold, *found[STUDENT], *found[DIRECT_TRANSFER]]
        known = seen(set().union(*(surfaces(texts, entities) for entities in everything)))
        for system in SYSTEMS:
            result[system] |= _by_surface(texts, gold, found[system], types, known)
    for system in SYSTEMS:
        mistakes = [list(find_mistakes(gold, of_seed)) for of_seed in found[system]]
        result[system]["mistakes"] = _mean_mistakes(mistakes, types)
        result[system]["examples"] = _examples(texts, mistakes[0], examples, random.Random(seed))
    return result


def _of_types(entities: Sequence[Entity], types: Sequence[str]) -> list[Entity]:
    return [entity for entity in entities if entity.type in types]


def _columns(counts: np.ndarray, name: str, types: Sequence[str]) -> np.ndarray:
    """Counts of one type, or of all types together, [seeds, sentences, 3]."""
    return counts.sum(axis=2) if name == ALL else counts[:, :, types.index(name)]


def system_figures(counts: np.ndarray, types: Sequence[str]) -> dict[str, Any]:
    """Means over the seeds: `precision`, `recall`, `f1`, the same `per_type` with `support`; and `f1_by_seed`.

    Args:
        counts: [seeds, sentences, types, 3]
        types: their names
    """
    totals = counts.sum(axis=1)
    return {
        **_means(totals.sum(axis=1)),
        "f1_by_seed": [float(value) for value in f1(totals.sum(axis=1))],
        "per_type": {
            type_: _means(totals[:, column]) | {"support": int(totals[0, column, GOLD])}
            for column, type_ in enumerate(types)
        },
    }


def _means(counts: np.ndarray) -> dict[str, float]:
    """Scores of [seeds, 3] counts."""
    return {function.__name__: float(function(counts).mean()) for function in (precision, recall, f1)}


def _by_surface(
    texts: Sequence[str],
    gold: Sequence[Sequence[Entity]],
    found: Sequence[Sequence[Sequence[Entity]]],
    types: Sequence[str],
    seen: Collection[str],
) -> dict[str, Any]:
    """Scores of seen and of unseen entities; what is predicted belongs to either by its own surface."""

    def part(entities: Sequence[Sequence[Entity]], of_seen: bool) -> list[list[Entity]]:
        return [
            [entity for entity in own if (surface(text, entity) in seen) == of_seen]
            for text, own in zip(texts, entities, strict=True)
        ]

    figures = {}
    for name, of_seen in (("seen", True), ("unseen", False)):
        own = part(gold, of_seen)
        counts = np.stack([entity_counts(own, part(of_seed, of_seen), types) for of_seed in found])
        figures[name] = _means(counts.sum(axis=(1, 2))) | {"support": sum(map(len, own))}
    return figures


def _mean_mistakes(mistakes: Sequence[Sequence[Mistake]], types: Sequence[str]) -> dict[str, dict[str, float]]:
    by_seed = [count_mistakes(of_seed) for of_seed in mistakes]
    return {
        kind: {
            ALL: sum(counts[kind].total() for counts in by_seed) / len(by_seed),
            **{type_: sum(counts[kind][type_] for counts in by_seed) / len(by_seed) for type_ in types},
        }
        for kind in KINDS
    }


def _examples(
    texts: Sequence[str], mistakes: Sequence[Mistake], most: int, chance: random.Random
) -> dict[str, list[dict[str, Any]]]:
    """Some mistakes of each kind, in the order of the sentences."""
    chosen = {}
    for kind in KINDS:
        of_kind = [mistake for mistake in mistakes if mistake.kind == kind]
        picked = sorted(chance.sample(range(len(of_kind)), min(most, len(of_kind))))
        chosen[kind] = [
            {
                "sentence": mistake.sentence + 1,
                "text": texts[mistake.sentence],
                **{name: _described(getattr(mistake, name)) for name in ("gold", "predicted")},
            }
            for mistake in (of_kind[i] for i in picked)
        ]
    return chosen


def _described(entity: Entity | None) -> dict[str, Any] | None:
    return None if entity is None else {"type": entity.type, "start": entity.span.start, "end": entity.span.end}
