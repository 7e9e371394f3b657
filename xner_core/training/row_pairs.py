"""Pairs of items that belong to the same row."""

import numpy as np


def crossed(rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each pair of an item and one of the other items in its row, as their indices, both [pairs].

    Args:
        rows: of the items, in order, [items]
        others: rows of the other items, in order, [others]
    """
    first = np.searchsorted(others, rows)
    count = np.searchsorted(others, rows, side="right") - first
    before = np.cumsum(count) - count
    return np.repeat(np.arange(len(rows)), count), np.repeat(first - before, count) + np.arange(count.sum())
