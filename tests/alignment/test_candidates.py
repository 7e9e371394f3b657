import numpy as np
import pytest

from xner_core.alignment.candidates import CANDIDATES, EntityLinks, SpanRules, best_candidates

ENTITIES, WORDS, SOURCE_WORDS = 5, 9, 2


def _links(seed):
    generator = np.random.default_rng(seed)
    backward = generator.dirichlet([0.3, 1], size=(ENTITIES, WORDS))[:, :, 0]
    forward = generator.dirichlet([0.3] * WORDS, size=ENTITIES) * SOURCE_WORDS
    total = forward + generator.random((ENTITIES, WORDS))
    cosine = generator.random((ENTITIES, WORDS))
    arrays = (array.astype(np.float32) for array in (forward, backward, backward * cosine, total))
    return EntityLinks(np.arange(ENTITIES), *arrays)


def _rules(seed):
    generator = np.random.default_rng(seed)
    begin, end, forbidden = (generator.random((ENTITIES, WORDS)) < share for share in (0.7, 0.7, 0.2))
    return SpanRules(begin, end, forbidden, np.full(ENTITIES, SOURCE_WORDS))


def _score(links, entity, start, end):
    """The definition, one span at a time."""
    forward, backward = links.forward[entity], links.backward[entity]
    recall = forward[start:end].sum() / SOURCE_WORDS
    precision = forward[start:end].sum() / links.total[entity, start:end].sum()
    backward_recall = backward[start:end].sum() / backward.sum()
    backward_precision = backward[start:end].mean()
    return 1 / (0.4 / recall + 0.2 / precision + 0.2 / backward_recall + 0.2 / backward_precision)


@pytest.mark.parametrize("seed", range(5))
def test_candidates_are_the_best_of_all_spans_that_the_rules_allow(seed):
    links, rules = _links(seed), _rules(seed + 100)
    found = best_candidates(links, rules)
    for entity in range(ENTITIES):
        expected = {
            (start, end): _score(links, entity, start, end)
            for start in range(WORDS)
            for end in range(start + 1, WORDS + 1)
            if rules.may_begin[entity, start]
            and rules.may_end[entity, end - 1]
            and not rules.forbidden[entity, start:end].any()
        }
        there = found.start[entity] >= 0
        spans = list(zip(found.start[entity, there].tolist(), found.end[entity, there].tolist(), strict=True))
        assert len(spans) == min(len(expected), CANDIDATES)
        assert found.score[entity, there] == pytest.approx([expected[span] for span in spans], rel=1e-3, abs=1e-4)
        assert (np.diff(found.score[entity, there]) <= 0).all()
        for (start, end), similarity in zip(spans, found.support[entity, there], strict=True):
            inside = slice(start, end)
            if links.backward[entity, inside].sum() < 0.01:
                continue
            mean = links.similarity[entity, inside].sum() / links.backward[entity, inside].sum()
            assert similarity == pytest.approx(mean, rel=1e-3, abs=1e-3)


def test_an_entity_that_the_rules_leave_nothing_has_no_candidate():
    links = _links(0)
    nothing = np.zeros((ENTITIES, WORDS), dtype=bool)
    found = best_candidates(links, SpanRules(nothing, nothing, nothing, np.ones(ENTITIES, dtype=np.int64)))
    assert (found.start == -1).all()
    assert (found.score == 0).all()


def test_no_candidate_is_much_longer_than_the_source_span():
    links = _links(0)
    wide = EntityLinks(links.entities, *(np.repeat(array, 20, axis=1) for array in _arrays(links)))
    allowed = np.ones((ENTITIES, WORDS * 20), dtype=bool)
    found = best_candidates(wide, SpanRules(allowed, allowed, ~allowed, np.full(ENTITIES, SOURCE_WORDS)))
    assert (found.end - found.start).max() <= 12


def _arrays(links):
    return links.forward, links.backward, links.similarity, links.total
