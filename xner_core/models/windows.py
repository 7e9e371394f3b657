"""Overlapping windows over a text's tokens, where these are more than a model reads at once."""

from dataclasses import dataclass

import numpy as np

# Tokens that two neighbouring windows of a long text share at most.
WINDOW_OVERLAP = 64


def overlap(window: int) -> int:
    """The tokens that neighbouring windows of this many tokens share."""
    return min(WINDOW_OVERLAP, window // 4)


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows over a text's tokens; each but the first begins with the last tokens of the one before.

    Attributes:
        tokens: how many the text has
        size: tokens of a window, at least 1; the last window may have fewer
        overlap: tokens that neighbours share, fewer than `size`
        kept: how many of these the earlier window decides; the later one decides the others
    """

    tokens: int
    size: int
    overlap: int
    kept: int

    @property
    def stride(self) -> int:
        """Tokens from the start of a window to that of the next."""
        return self.size - self.overlap

    @property
    def count(self) -> int:
        """How many windows there are; one where the text has no tokens."""
        return 1 + max(0, -(-(self.tokens - self.size) // self.stride))

    def start(self, window: int) -> int:
        """The first token of a window."""
        return window * self.stride

    def range(self, window: int) -> slice:
        """The tokens of a window."""
        return slice(self.start(window), min(self.start(window) + self.size, self.tokens))

    def deciding(self, tokens: np.ndarray) -> np.ndarray:
        """The window that decides each of these tokens, one of those that hold it, [tokens]."""
        return np.clip((tokens - self.kept) // self.stride, 0, self.count - 1)

    def ids(self, ids: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[np.ndarray]:
        """The token ids of each window, with special tokens before and after them.

        Args:
            ids: of the text, [tokens]
            before: of the special tokens before a text
            after: of those after it
        """
        return [np.concatenate([before, ids[self.range(window)], after]) for window in range(self.count)]


def windows_over(tokens: int, size: int) -> Windows:
    """Windows of at most so many tokens, and at least one; two neighbours decide half each of what they share."""
    size = max(size, 1)
    shared = overlap(size)
    return Windows(tokens, size, shared, shared // 2)
