"""Words and tokens of many texts at once. What stands between spaces is read once, however often it comes.

Tokenizers of SentencePiece's kind cut texts at spaces before all else, and so does whatever finds words. So a text has
the words and tokens of its stretches, each a run of characters with the space before it, and few stretches are new.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from threading import Lock
from unicodedata import normalize
from weakref import WeakValueDictionary

import numpy as np
import regex
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from xner_core.models.tokenisation import Tokens, clean_text
from xner_core.models.word_isolation import is_composition, state_without_model, without_compositions
from xner_core.storage.hashing import digest
from xner_core.text.words import words

# Characters of stretches that are remembered: those of several shards.
_REMEMBERED = 1 << 23
# New stretches that are read together, as one text; each by itself costs more than it is long.
_TOGETHER = 100
_STRETCH = re.compile(" ?[^ ]+")
# Normalisers that treat a space and what is on both sides of it apart, and what some of them replace.
_LOCAL = {"NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Precompiled"}
_SPACES_ALONE = ({"Regex": r"[\s\p{Cc}]+"}, {"Regex": " +"}, {"Regex": " {2,}"})
# Those whose normal form may depend on what is before them, and those that SentencePiece takes for spaces.
_NEVER = "\u2581\ufffd"
_VISIBLE = regex.compile(rf"(?V1)[[\p{{L}}\p{{M}}\p{{N}}\p{{P}}\p{{S}}]--[\p{{GCB=Prepend}}{_NEVER}]]")
# Two of which tokenizers, with older tables of Unicode, count as marks.
_ATTACHED = regex.compile(r"[\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\u1cf2\u1cf3]")


@dataclass(frozen=True, slots=True)
class TextsRead:
    """The words and tokens of some texts, one text after the other; tokens without special ones.

    Attributes:
        lengths: in code points, [texts]
        words: half-open offsets in their own text, [words, 2]
        word_counts: words of each text, [texts]
        ids: of the tokens, [tokens]
        offsets: of each token, half-open, in its own text, [tokens, 2]
        token_counts: tokens of each text, [texts]
    """

    lengths: np.ndarray
    words: np.ndarray
    word_counts: np.ndarray
    ids: np.ndarray
    offsets: np.ndarray
    token_counts: np.ndarray

    @property
    def texts(self) -> int:
        """How many there are."""
        return len(self.lengths)

    @property
    def bases(self) -> np.ndarray:
        """Where each text begins if all stand in a row, a character apart, [texts]."""
        return np.cumsum(self.lengths + 1) - self.lengths - 1

    @property
    def first_tokens(self) -> np.ndarray:
        """Where the tokens of each text begin, and at last where all end, [texts + 1]."""
        return before(self.token_counts)

    @property
    def first_words(self) -> np.ndarray:
        """The same of words, [texts + 1]."""
        return before(self.word_counts)

    def in_a_row(self) -> tuple[np.ndarray, Tokens]:
        """The words, [words, 2], and the tokens of one text that all stand in, a character apart."""
        bases = self.bases[:, None]
        words = self.words + np.repeat(bases, self.word_counts, axis=0)
        return words, Tokens(self.ids, self.offsets + np.repeat(bases, self.token_counts, axis=0))

    def with_special_tokens(self, head: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The ids of all texts, with these before and after each; where each begins, and at last all end, [texts + 1].

        Args:
            head: ids of the special tokens before a text
            tail: of those after it
        """
        starts = before(self.token_counts + len(head) + len(tail))
        ids = np.empty(starts[-1], dtype=np.int64)
        for place, id_ in enumerate(head):
            ids[starts[:-1] + place] = id_
        for place, id_ in enumerate(tail):
            ids[starts[1:] - len(tail) + place] = id_
        ids[ranges(starts[:-1] + len(head), self.token_counts)] = self.ids
        return ids, starts

    def joined(self, counts: np.ndarray) -> "TextsRead":
        """The texts that have so many of these each, [texts], as their parts, one right after the other."""
        owner = np.repeat(np.arange(len(counts)), counts)
        place = before(self.lengths)
        first = before(counts)
        shift = place[:-1] - place[first[:-1]][owner]
        return TextsRead(
            np.diff(place[first]),
            self.words + np.repeat(shift, self.word_counts)[:, None],
            sums(self.word_counts, counts),
            self.ids,
            self.offsets + np.repeat(shift, self.token_counts)[:, None],
            sums(self.token_counts, counts),
        )

    def cut(self, lengths: np.ndarray) -> "TextsRead":
        """The parts that these texts are made of, which have so many characters each, [parts]."""
        base = before(self.lengths)[:-1]
        place = before(lengths)
        words = self.words + np.repeat(base, self.word_counts)[:, None]
        offsets = self.offsets + np.repeat(base, self.token_counts)[:, None]
        word_owner, token_owner = (np.searchsorted(place[1:], spans[:, 1], side="left") for spans in (words, offsets))
        return TextsRead(
            lengths,
            words - place[word_owner][:, None],
            np.bincount(word_owner, minlength=len(lengths)),
            self.ids,
            offsets - place[token_owner][:, None],
            np.bincount(token_owner, minlength=len(lengths)),
        )

    def take(self, texts: np.ndarray) -> "TextsRead":
        """Some of the texts, [texts], in this order."""
        chosen_words = ranges(self.first_words[texts], self.word_counts[texts])
        chosen = ranges(self.first_tokens[texts], self.token_counts[texts])
        return TextsRead(
            self.lengths[texts],
            self.words[chosen_words],
            self.word_counts[texts],
            self.ids[chosen],
            self.offsets[chosen],
            self.token_counts[texts],
        )

    def followed_by(self, *others: "TextsRead") -> "TextsRead":
        """These texts, and others after them."""
        return TextsRead(
            *(np.concatenate([getattr(texts, name) for texts in (self, *others)]) for name in TextsRead.__slots__)
        )


def before(counts: np.ndarray) -> np.ndarray:
    """How many there are before each of so many neighbours, and at last of all, [counts + 1]."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def sums(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sums of so many neighbouring values each."""
    return np.diff(before(values)[before(counts)])


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers from each start on, as many as it counts, one after the other."""
    return np.arange(counts.sum()) + np.repeat(starts - before(counts)[:-1], counts)


class TextReader:
    """Finds the words and tokens of texts, and remembers those of stretches. Several threads may call it.

    Args:
        tokenizer: of the model
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._backend = tokenizer.backend_tokenizer
        self._added = [str(token) for token in tokenizer.get_added_vocab()]
        self._stretches = _cuts_at_spaces(self._backend) and not any(" " in token for token in self._added)
        # An added token may be looked for in the normal form of a text, where it cannot be told.
        raw = not any(token.normalized for token in tokenizer.added_tokens_decoder.values())
        self._quick = without_compositions(self._backend) if raw else self._backend
        self._not_quick = regex.compile("|".join([r"\p{M}", *map(re.escape, self._added)]))
        self._turn = Lock()
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._known = read(self._backend, [])

    def __call__(self, texts: Sequence[str]) -> TextsRead:
        """The words and tokens of each text, however many these are."""
        parts: list[str] = []
        firsts, counts = set(), []
        for text in texts:
            stretches = _STRETCH.findall(text) if self._is_sum_of_stretches(text) else [text]
            firsts.add(stretches[0])
            counts.append(len(stretches))
            parts += stretches
        with self._turn:
            new = [part for part in dict.fromkeys(parts) if part not in self._numbers]
            if int(self._known.lengths.sum()) + sum(map(len, new)) > _REMEMBERED:
                self._forget()
                new = list(dict.fromkeys(parts))
            self._learn([part for part in new if part in firsts], [part for part in new if part not in firsts])
            numbers = np.fromiter(map(self._numbers.__getitem__, parts), dtype=np.int64, count=len(parts))
            known = self._known
        return known.take(numbers).joined(np.array(counts, dtype=np.int64))

    def _is_sum_of_stretches(self, text: str) -> bool:
        return (
            self._stretches
            and stretched().fullmatch(text) is not None
            and not any(token in text for token in self._added)
        )

    def _learn(self, whole: list[str], stretches: list[str]) -> None:
        """Reads what is new: whole texts or first stretches, and others, each of which begins with a space."""
        # Words of texts in ASCII are found faster.
        stretches.sort(key=str.isascii)
        found = []
        for backend, quick in ((self._quick, True), (self._backend, False)):
            own = [part for part in whole if self._is_read_quickly(part) == quick]
            joined = [part for part in stretches if self._is_read_quickly(part) == quick]
            together = ["".join(joined[i : i + _TOGETHER]) for i in range(0, len(joined), _TOGETHER)]
            lengths = np.fromiter(map(len, joined), dtype=np.int64, count=len(joined))
            found += [read(backend, own), read(backend, together).cut(lengths)]
            for part in chain(own, joined):
                self._numbers[part] = len(self._numbers)
        self._known = self._known.followed_by(*found)

    def _is_read_quickly(self, part: str) -> bool:
        return self._not_quick.search(part) is None


_readers: WeakValueDictionary[bytes, TextReader] = WeakValueDictionary()
_making = Lock()


def text_reader(tokenizer: PreTrainedTokenizerFast) -> TextReader:
    """The reader of texts of this process for a tokenizer: one for all that are alike."""
    key = digest([tokenizer.backend_tokenizer.to_str().encode()])
    with _making:
        reader = _readers.get(key)
        if reader is None:
            _readers[key] = reader = TextReader(tokenizer)
        return reader


def read(backend: Tokenizer, texts: Sequence[str]) -> TextsRead:
    """The words and tokens of each text; see `clean_text` for lone surrogates."""
    # As Transformers does before each call: what a tokenizer was saved with would cut texts short.
    if backend.truncation is not None:
        backend.no_truncation()
    if backend.padding is not None:
        backend.no_padding()
    encoded = backend.encode_batch([clean_text(text) for text in texts], add_special_tokens=False)
    found = [words(text) for text in texts]
    return TextsRead(
        np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)),
        _flat(found),
        np.fromiter(map(len, found), dtype=np.int64, count=len(texts)),
        np.fromiter(chain.from_iterable(one.ids for one in encoded), dtype=np.int64),
        _flat([one.offsets for one in encoded]),
        np.fromiter(map(len, encoded), dtype=np.int64, count=len(texts)),
    )


def _flat(spans: Sequence[Sequence[tuple[int, int]]]) -> np.ndarray:
    """The spans of all texts, [spans, 2]."""
    numbers = chain.from_iterable(chain.from_iterable(spans))
    return np.fromiter(numbers, dtype=np.int64).reshape(-1, 2)


def _cuts_at_spaces(backend: Tokenizer) -> bool:
    """Whether a tokenizer reads each stretch as if there were no other, which how it is made tells."""
    state = state_without_model(backend)
    first = state["pre_tokenizer"] or {}
    first = first.get("pretokenizers", [first])[0]
    if not (first.get("type") == "WhitespaceSplit" or (first.get("type") == "Metaspace" and first.get("split"))):
        return False
    normalizer = state["normalizer"] or {"normalizers": []}
    return _keeps_apart(backend) and all(
        part["type"] in _LOCAL or is_composition(part) or part.get("pattern") in _SPACES_ALONE
        for part in normalizer.get("normalizers", [normalizer])
    )


def _keeps_apart(backend: Tokenizer) -> bool:
    """Whether no character that may begin a stretch vanishes in the normal form, or turns into a space.

    What a `Precompiled` normaliser does stands in a table, which may be any.
    """
    if backend.normalizer is None:
        return True
    first = [character for character in _visible() if not _ATTACHED.match(character)]
    found = backend.normalizer.normalize_str(" ".join(first)).split(" ")
    return len(found) == len(first) and all(found)


@lru_cache(maxsize=1)
def _visible() -> list[str]:
    """The characters of the basic plane that do not turn into a space in a normal form, in order."""
    return [
        character
        for character in _VISIBLE.findall("".join(map(chr, range(0x10000))))
        if not any(map(str.isspace, normalize("NFKC", character)))
    ]


@lru_cache(maxsize=1)
def stretched() -> re.Pattern[str]:
    """What is the sum of its stretches: characters of the basic plane with single spaces between them.

    None after a space belongs to it, as a lone accent would.
    """
    within = _ranges_of(_visible())
    first = _ranges_of([character for character in _visible() if not _ATTACHED.match(character)])
    return re.compile(f"[{first}][{within}]*(?: [{first}][{within}]*)*")


def _ranges_of(characters: Sequence[str]) -> str:
    """The inside of a character class, of characters in order."""
    codes = np.array([ord(character) for character in characters])
    runs = np.split(codes, np.flatnonzero(np.diff(codes) != 1) + 1)
    return "".join(f"\\u{run[0]:04x}-\\u{run[-1]:04x}" for run in runs)
