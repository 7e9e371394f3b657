"""Statistics of a corpus: what its names are rendered as elsewhere."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from xner_core.supervision.worded_text import WordedText, word_forms
from xner_core.text.normal_form import folded
from xner_core.text.spans import Span

_FEWEST = 2
_SMALLEST_SHARE = 0.2


class Renderings:
    """How often each name has each rendering, counted once a pair, without regard to case."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)

    def add(self, links: Iterable[tuple[str, str]]) -> None:
        """Counts the names and renderings of one pair."""
        for name, rendering in _folded(links):
            self._counts[name][rendering] += 1

    def find(
        self, name: str, text: WordedText, own: Iterable[tuple[str, str]] = (), near: Span | None = None
    ) -> Span | None:
        """The name's most frequent rendering elsewhere that occurs in a text.

        It counts if at least two other pairs, and a fifth of those that have the name, have it. If it occurs more than
        once, then the occurrence counts that overlaps another one.

        Args:
            name: the name
            text: where it is sought
            own: the names and renderings that the text's own pair has added
            near: which of several occurrences is meant
        """
        counts = self._counts.get(folded(name))
        if counts is None:
            return None
        counts = Counter(counts)
        counts.subtract(rendering for other, rendering in _folded(own) if other == folded(name))
        total = counts.total()
        for rendering, count in sorted(counts.items(), key=lambda item: (-item[1], -len("".join(item[0])), item[0])):
            if count < max(_FEWEST, _SMALLEST_SHARE * total):
                return None
            found = text.find(rendering)
            if len(found) > 1:
                found = [span for span in found if near is not None and span.overlaps(near)]
            if found:
                return found[0] if len(found) == 1 else None
        return None


def _folded(links: Iterable[tuple[str, str]]) -> set[tuple[str, tuple[str, ...]]]:
    return {(folded(name), word_forms(rendering)) for name, rendering in links}
