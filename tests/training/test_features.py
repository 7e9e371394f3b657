import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from row_by_row import unit_targets
from xner_core.errors import XnerError
from xner_core.models.units import TokenisedText, TokenTokeniser, Window, WordTokeniser
from xner_core.text.spans import Entity, Span
from xner_core.text.words import words
from xner_core.training.features import AnnotatedText, FeatureEncoder, TargetScheme, collate
from xner_core.training.losses import IGNORED

SCHEME = TargetScheme(["PER", "LOC"])
LABELS = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]


@pytest.fixture(scope="module")
def tokenizer(tiny_encoder):
    return AutoTokenizer.from_pretrained(tiny_encoder)


def _word_targets(tokenizer, text: AnnotatedText, window: int = 128) -> list[int]:
    """The targets of the words, in order."""
    windows = FeatureEncoder(WordTokeniser(tokenizer, window), SCHEME)([text])[0]
    return [int(target) for window in windows for target in window["targets"] if target != IGNORED]


def test_labels_and_targets_of_a_scheme():
    assert SCHEME.labels == LABELS
    targets = torch.tensor([*range(5), SCHEME.outside([]), SCHEME.outside(["LOC"]), SCHEME.outside(["PER", "LOC"])])
    admitted = [[label for label, yes in zip(LABELS, row, strict=True) if yes] for row in SCHEME.admitted(targets)]
    assert admitted == [[label] for label in LABELS] + [["O"], ["O", "B-LOC", "I-LOC"], LABELS]


@given(st.sets(st.sampled_from([f"T{number:02}" for number in range(40)]), min_size=1), st.data())
def test_outside_admits_o_and_just_the_missed_types(types, data):
    scheme = TargetScheme(types)
    missed = data.draw(st.sets(st.sampled_from(sorted(types))))
    admitted = scheme.admitted(torch.tensor(scheme.outside(missed)))
    assert {label for label, yes in zip(scheme.labels, admitted, strict=True) if yes} == {"O"} | {
        f"{prefix}-{type_}" for type_ in missed for prefix in "BI"
    }


def test_too_many_types_are_refused():
    with pytest.raises(XnerError, match="at most"):
        TargetScheme([f"T{number}" for number in range(49)])


def test_entities_masks_and_missed_types_become_targets(tokenizer):
    #       0    5     11   16     23
    text = "Anna Weber lebt in Ulm ."
    annotated = AnnotatedText(text, [Entity(Span(0, 10), "PER")], [Span(19, 22)], frozenset({"LOC"}))
    windows = FeatureEncoder(WordTokeniser(tokenizer, 128), SCHEME)([annotated])[0]
    assert len(windows) == 1
    targets = windows[0]["targets"]
    pieces = tokenizer.convert_ids_to_tokens(windows[0]["input_ids"].tolist())
    starts = {pieces[i + 1] if piece == "▁" else piece: i for i, piece in enumerate(pieces)}
    known = [int(target) for target in targets if target != IGNORED]
    outside = SCHEME.outside(["LOC"])
    assert known == [LABELS.index("B-PER"), LABELS.index("I-PER"), outside, outside, outside]
    assert targets[starts["U"]] == IGNORED
    assert targets[0] == targets[-1] == IGNORED


def test_entity_of_another_type_is_masked(tokenizer):
    annotated = AnnotatedText("Bosch in Ulm", [Entity(Span(0, 5), "ORG"), Entity(Span(9, 12), "LOC")])
    assert _word_targets(tokenizer, annotated) == [SCHEME.outside([]), LABELS.index("B-LOC")]


def test_where_tokens_are_labelled_each_one_of_an_entity_is(tokenizer):
    annotated = AnnotatedText("Ulm an", [Entity(Span(0, 3), "LOC")], [Span(4, 5)])
    (window,) = FeatureEncoder(TokenTokeniser(tokenizer, 128), SCHEME)([annotated])[0]
    assert tokenizer.convert_ids_to_tokens(window["input_ids"]) == ["<s>", "▁", "U", "l", "m", "▁", "a", "n", "</s>"]
    begins, inside, outside = LABELS.index("B-LOC"), LABELS.index("I-LOC"), SCHEME.outside([])
    # A mark claims the letter after it, or, as this tokenizer has it, the space before it.
    mark = window["targets"][5]
    assert window["targets"].tolist() == [IGNORED, begins, inside, inside, inside, mark, IGNORED, outside, IGNORED]


LETTERS = st.text(st.sampled_from("abÄ ß.-'1\u200f\u00a0😀中"), max_size=60)


@given(LETTERS, st.data())
@settings(max_examples=150, deadline=None)
def test_every_word_has_the_target_of_its_annotation(tokenizer, text, data):
    spans = [Span(*span) for span in words(text)]
    chosen = data.draw(st.lists(st.sampled_from(spans), unique=True, max_size=3)) if spans else []
    annotated = AnnotatedText(text, [Entity(span, "PER") for span in chosen[:1]], chosen[1:], frozenset({"LOC"}))
    features = FeatureEncoder(WordTokeniser(tokenizer, 24), SCHEME)([annotated])[0]
    targets = np.concatenate([window["targets"] for window in features])
    decided = targets[targets != IGNORED]
    # Marks that the tokenizer has no token for have no target.
    assert len(decided) <= len(spans)
    assert set(decided) <= {LABELS.index("B-PER"), SCHEME.outside(["LOC"])}
    assert (decided == LABELS.index("B-PER")).sum() <= len(chosen[:1])
    assert all(len(window["input_ids"]) == len(window["targets"]) <= 24 for window in features)


@given(st.integers(1, 80), st.integers(0, 79))
@settings(max_examples=40, deadline=None)
def test_windows_of_a_long_text_give_each_word_one_target(tokenizer, count, place):
    text = " ".join(["wort"] * count)
    entities = [Entity(Span(5 * place, 5 * place + 4), "LOC")] if place < count else []
    targets = _word_targets(tokenizer, AnnotatedText(text, entities), window=40)
    assert len(targets) == count
    assert targets.count(LABELS.index("B-LOC")) == len(entities)


def test_collate_pads():
    short = {"input_ids": np.array([0, 2]), "targets": np.array([IGNORED, 5])}
    long = {"input_ids": np.array([0, 7, 2]), "targets": np.array([IGNORED, 1, IGNORED])}
    batch = collate([short, long], padding=1)
    assert batch["input_ids"].tolist() == [[0, 2, 1], [0, 7, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0], [1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORED, 5, IGNORED], [IGNORED, 1, IGNORED]]


SPANS = st.tuples(st.integers(0, 12), st.integers(0, 4)).map(lambda span: Span(span[0], sum(span)))
ANNOTATED = st.builds(
    AnnotatedText,
    st.just(""),
    st.lists(st.builds(Entity, SPANS, st.sampled_from(["LOC", "ORG", "PER"])), max_size=4),
    st.lists(SPANS, max_size=3),
    st.frozensets(st.sampled_from(["LOC", "ORG", "PER"])),
)


@given(st.lists(st.tuples(ANNOTATED, st.lists(SPANS, max_size=8)), max_size=4))
@settings(deadline=None)
def test_the_targets_of_many_texts_are_those_of_each(batch):
    """Whatever the spans of units, entities and masks are: empty, overlapping, in any order."""
    units = [own for _, own in batch]

    def tokenise(texts):
        windows = [Window(np.arange(len(own)), np.arange(len(own)), np.arange(len(own))) for own in units]
        return [
            TokenisedText(np.array(own, dtype=np.int64).reshape(-1, 2), [window])
            for own, window in zip(units, windows, strict=True)
        ]

    features = FeatureEncoder(tokenise, SCHEME)([text for text, _ in batch])
    found = [window["targets"].tolist() for (window,) in features]
    assert found == [unit_targets(text, own, SCHEME) for text, own in batch]
