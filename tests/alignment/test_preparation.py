from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest

from xner_core.alignment.preparation import prepare
from xner_core.alignment.query import AlignmentQuery
from xner_core.text.spans import Span


class SpaceWords(NamedTuple):
    words: np.ndarray


class SpaceTokeniser:
    """Words are what stands between spaces."""

    def tokenise(self, texts):
        found = []
        for text in texts:
            places = [0, *(place + 1 for place, character in enumerate(text) if character == " "), len(text) + 1]
            found.append(SpaceWords(np.array([(start, next_ - 1) for start, next_ in pairwise(places)])))
        return found


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("Kiel", "KIEL"),
        ("O'Brien", "O’Brien"),
        ("Köln", "Ko\u0308ln"),
        ("Ọ̀yọ́", "O\u0300\u0323YO\u0301\u0323"),
        ("İzmir", "izmir"),
    ],
)
def test_equal_words_have_one_form(source, target):
    prepared = prepare(SpaceTokeniser(), [AlignmentQuery(f"in {source} now", f"{target} is", (Span(3, 7),))])
    one, other = (text.forms.tolist() for text in prepared.texts)
    assert one[1] == other[0]
    assert len({*one, *other}) == 4
