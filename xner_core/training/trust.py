"""Which labels a student learns, and what stays open or masked: of a whole label file at once, by columns."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import regex

from xner_core.errors import XnerError
from xner_core.labels.schema import PROJECTED
from xner_core.text.words import HYPHENS, is_lower_case, is_unspaced
from xner_core.training.annotations import Annotations, TypedSpans
from xner_core.training.list_columns import Items
from xner_core.training.row_pairs import crossed
from xner_core.training.student_settings import TrustSettings

_AFTER_A_LETTER = regex.compile(rf"(?<=\p{{L}}[\p{{M}}\p{{Cf}}]*)[{HYPHENS}]")
_BEFORE_A_LETTER = regex.compile(rf"[{HYPHENS}]\p{{L}}")
# What a witness says of the span that it speaks for.
_NOTHING, _DOUBT, _NO_DOUBT = 0, 1, 2


def annotate(labels: pa.Table, trust: TrustSettings) -> Annotations:
    """What a student learns of label rows, which have the votes of the corpus on them if there are any.

    Args:
        labels: with columns `target_text`, `entities` and `mentions`, and perhaps `votes` and `recovered`
        trust: which labels are learnt

    Raises:
        XnerError: there is not one vote for each entity.
    """
    texts = labels["target_text"].to_pylist()
    types, missed, said, doubts = _witnesses(labels, trust)
    spans, doubted = _summed(said, doubts)
    # No factor makes a score higher, so that what counts for nothing need not be looked at.
    likely = _is_likely(spans, trust)
    spans, doubted = _weighted(spans[likely], texts, trust), doubted[likely]
    likely = _is_likely(spans, trust)
    spans, doubted = spans[likely], doubted[likely]
    entities, masked = _chosen(spans, (spans.scores >= trust.learnt) & ~doubted)
    if trust.touching:
        entities = _joined(entities, texts)
    return Annotations(texts, types, entities, masked, missed)


def _witnesses(labels: pa.Table, trust: TrustSettings) -> tuple[list[str], np.ndarray, TypedSpans, np.ndarray]:
    """What speaks for typed spans.

    Returns:
        the names of all types, in order; the rows and types of entities whose projection failed, [., 2]; the spans that
        projected entities, then mentions, then names speak for, each in the order of the rows; what they say of these
    """
    entities, mentions = Items(labels["entities"]), Items(labels["mentions"])
    votes, names = (Items(labels[name]) if name in labels.column_names else None for name in ("votes", "recovered"))
    if votes is not None and not np.array_equal(votes.lengths, entities.lengths):
        raise XnerError("there is not one vote for each entity; make the votes again with xner consensus")
    types, (of_entities, of_mentions, of_names) = _types(entities, mentions, votes, names, trust)
    projected = pc.equal(entities.column("status"), PROJECTED).to_numpy(zero_copy_only=False)
    missed = np.unique(np.column_stack([entities.rows, of_entities])[~projected], axis=0)

    sure = entities.numbers("tagger_confidence") * entities.numbers("aligner_confidence")
    outlier = np.zeros(len(entities), dtype=bool)
    if votes is not None:
        outlier = (votes.numbers("occurrences") >= trust.support) & (votes.numbers("coverage") < trust.outlier)
    found = entities.spans("target_start", "target_end", of_entities, sure)[projected]
    said, doubts = [found], [np.where(outlier[projected], _DOUBT, _NOTHING)]
    if trust.mentions:
        sure = mentions.numbers("confidence")
        spans = mentions.spans("start", "end", of_mentions, trust.mentions * sure)
        doubted = ~_overlapping(spans, found)
        if trust.unexplained is not None:
            doubted &= sure < trust.unexplained
        said.append(spans)
        doubts.append(np.where(doubted, _DOUBT, _NOTHING))
    if names is not None:
        share = names.numbers("coverage") * names.numbers("type_share")
        spans = names.spans("start", "end", of_names, trust.names * share)
        said.append(spans[names.numbers("occurrences") >= trust.support])
        doubts.append(np.full(len(said[-1]), _NO_DOUBT))
    return types, missed, TypedSpans.concatenated(said), np.concatenate(doubts)


def _types(
    entities: Items, mentions: Items, votes: Items | None, names: Items | None, trust: TrustSettings
) -> tuple[list[str], list[np.ndarray]]:
    """The names of all types, in order, and the indices of those of entities, mentions and names."""
    of_entities = entities.column("type")
    if votes is not None:
        settled = (votes.numbers("projections") >= trust.support) & (votes.numbers("type_share") >= trust.voted)
        of_entities = pc.if_else(settled, votes.column("type"), of_entities)
    columns = [of_entities, mentions.column("type"), *([names.column("type")] if names is not None else [])]
    encoded = pa.concat_arrays(columns).dictionary_encode()
    found = encoded.dictionary.to_pylist()
    types = sorted(found)
    places = {type_: place for place, type_ in enumerate(types)}
    indices = np.array([places[type_] for type_ in found], dtype=np.int64)[encoded.indices.to_numpy()]
    ends = np.cumsum([len(entities), len(mentions)])
    return types, np.split(indices, ends)


def _overlapping(spans: TypedSpans, others: TypedSpans) -> np.ndarray:
    """Whether each span overlaps one of the others in its text, bool, [spans]."""
    span, other = crossed(spans.texts, others.texts)
    overlap = (spans.starts[span] < others.ends[other]) & (others.starts[other] < spans.ends[span])
    found = np.zeros(len(spans), dtype=bool)
    found[span[overlap]] = True
    return found


def _summed(said: TypedSpans, doubts: np.ndarray) -> tuple[TypedSpans, np.ndarray]:
    """Each typed span once, in order, with the sum of its scores; and whether it is doubted, whatever its type."""
    order = np.lexsort((said.types, said.ends, said.starts, said.texts))
    ordered = said[order]
    new_span = _differs(ordered.texts, ordered.starts, ordered.ends)
    new = new_span | _differs(ordered.types)
    place, span = np.empty(len(order), dtype=np.int64), np.empty(len(order), dtype=np.int64)
    place[order], span[order] = np.cumsum(new) - 1, np.cumsum(new_span) - 1
    # Added up in the order in which they are said: sums of floats depend on it.
    scores = np.bincount(place, said.scores, minlength=new.sum())
    doubted = np.zeros(new_span.sum(), dtype=bool)
    doubted[span[doubts == _DOUBT]] = True
    doubted[span[doubts == _NO_DOUBT]] = False
    return replace(ordered[new], scores=scores), doubted[span[order][new]]


def _differs(*columns: np.ndarray) -> np.ndarray:
    """Whether each place differs from the one before it in some column; the first one does."""
    new = np.ones(len(columns[0]), dtype=bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def _is_likely(spans: TypedSpans, trust: TrustSettings) -> np.ndarray:
    return (spans.scores != 0) & (spans.scores >= trust.masked)


def _weighted(spans: TypedSpans, texts: Sequence[str], trust: TrustSettings) -> TypedSpans:
    """The spans with lower scores where their form speaks against a name."""
    places = list(zip(spans.texts.tolist(), spans.starts.tolist(), spans.ends.tolist(), strict=True))
    lower = [is_lower_case(texts[text][start:end]) for text, start, end in places]
    scores = np.where(np.array(lower, dtype=bool), spans.scores * trust.lowercase, spans.scores)
    hyphenated = [_is_hyphenated(texts[text], start, end) for text, start, end in places]
    return replace(spans, scores=np.where(np.array(hyphenated, dtype=bool), scores * trust.hyphenated, scores))


def _is_hyphenated(text: str, start: int, end: int) -> bool:
    """Whether a hyphen with a letter beyond it is next to a span."""
    # Few places have one, and to ask a pattern takes longer.
    before = start > 0 and text[start - 1] in HYPHENS and _AFTER_A_LETTER.match(text, start - 1)
    return bool(before or (text[end : end + 1] in HYPHENS and _BEFORE_A_LETTER.match(text, end)))


def _chosen(spans: TypedSpans, trusted: np.ndarray) -> tuple[TypedSpans, TypedSpans]:
    """The entities, and the masked spans: the highest score first, none overlaps an entity before it.

    Args:
        spans: in order
        trusted: whether each is learnt if nothing speaks against it, bool, [spans]
    """
    learnt, masked = trusted.copy(), ~trusted
    surest = np.lexsort((spans.types, spans.ends, spans.starts, -spans.scores, spans.texts))
    # In most texts none overlap.
    close = spans.texts[np.flatnonzero((spans.texts[1:] == spans.texts[:-1]) & (spans.starts[1:] < spans.ends[:-1]))]
    text, entities, doubtful = -1, [], []
    for place in surest[np.isin(spans.texts[surest], close)].tolist():
        if spans.texts[place] != text:
            text, entities, doubtful = spans.texts[place], [], []
        start, end = spans.starts[place], spans.ends[place]
        if any(start < other_end and other < end for other, other_end in entities):
            learnt[place] = masked[place] = False
        elif learnt[place] and not any(start < other_end and other < end for other, other_end in doubtful):
            entities.append((start, end))
        else:
            learnt[place], masked[place] = False, True
            doubtful.append((start, end))
    return spans[learnt], spans[surest[masked[surest]]]


def _joined(entities: TypedSpans, texts: Sequence[str]) -> TypedSpans:
    """The entities, in order; where there are no spaces, those of one type that touch made one, as unsure as any."""
    first = _differs(entities.texts, entities.types)
    first[1:] |= entities.ends[:-1] != entities.starts[1:]
    # That reads the whole text, and few entities touch.
    touching = np.flatnonzero(~first)
    first[touching] = [not is_unspaced(texts[text]) for text in entities.texts[touching].tolist()]
    begins = np.flatnonzero(first)
    if len(begins) == len(entities):
        return entities
    scores = np.minimum.reduceat(entities.scores, begins)
    return replace(entities[begins], ends=entities.ends[np.append(begins[1:], len(entities)) - 1], scores=scores)
