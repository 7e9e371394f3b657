"""A student's vocabulary, without the tokens of unspaced scripts that names begin or end in.

A token has one label, so that one which holds a name and something else ("在日本", in Japan) is never labelled right.
"""

import copy
import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from tokenizers.models import Unigram
from transformers import PreTrainedTokenizerFast

from xner_core.models.tokenisation import tokenise
from xner_core.text.words import is_unspaced
from xner_core.training.features import AnnotatedText

_TOKENISED_AT_ONCE = 1024


@dataclass
class StraddledTokens:
    """Counts of the tokens of texts, by their ids.

    Attributes:
        occurrences: of each token
        straddled: of those in which an entity begins or ends
    """

    occurrences: Counter[int] = field(default_factory=Counter)
    straddled: Counter[int] = field(default_factory=Counter)

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, texts: Iterable[AnnotatedText]) -> "StraddledTokens":
        """The counts of some texts."""
        counts = cls()
        remaining = iter(texts)
        while some := list(islice(remaining, _TOKENISED_AT_ONCE)):
            for text, tokens in zip(some, tokenise(tokenizer, [text.text for text in some]), strict=True):
                ids = tokens.ids.tolist()
                counts.occurrences.update(ids)
                counts.straddled.update(ids[token] for token in _straddled(text, tokens.offsets.tolist()))
        return counts

    def add(self, other: "StraddledTokens") -> None:
        """Counts some texts as well."""
        self.occurrences.update(other.occurrences)
        self.straddled.update(other.straddled)

    def ids(self, tokenizer: PreTrainedTokenizerFast, share: float) -> set[int]:
        """The tokens of unspaced scripts in which, in at least this share of their occurrences, an entity has an end.

        Args:
            tokenizer: whose tokens they are
            share: 0 to 1
        """
        return {
            id_
            for id_, count in self.straddled.items()
            if count >= share * self.occurrences[id_] and is_unspaced(str(tokenizer.convert_ids_to_tokens(id_)))
        }


def _straddled(text: AnnotatedText, offsets: Sequence[tuple[int, int]]) -> set[int]:
    """The tokens, by their places, that an entity begins or ends in."""
    ends = [end for _, end in offsets]
    straddled = set()
    for boundary in {boundary for entity in text.entities for boundary in entity.span}:
        token = bisect_right(ends, boundary)
        # The first token of a word takes the space before it.
        if token < len(ends) and offsets[token][0] < boundary and not text.text[boundary - 1].isspace():
            straddled.add(token)
    return straddled


def without_tokens(tokenizer: PreTrainedTokenizerFast, ids: Collection[int]) -> PreTrainedTokenizerFast:
    """A tokenizer that writes these tokens as several shorter ones; all keep their ids.

    Only of a Unigram model (XLM-R's kind), whose tokens have scores: the text is cut where their sum is highest. Others
    are returned as they are: WordPiece has no token of several unspaced characters.
    """
    state = json.loads(tokenizer.backend_tokenizer.to_str())["model"] if ids else {}
    if state.get("type") != "Unigram":
        return tokenizer
    lowest = min(score for _, score in state["vocab"])
    vocabulary = [
        # Less than its characters have together.
        (token, lowest * (len(token) + 1) if id_ in ids else score)
        for id_, (token, score) in enumerate(state["vocab"])
    ]
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.backend_tokenizer.model = Unigram(vocabulary, state["unk_id"], state["byte_fallback"])
    return tokenizer
