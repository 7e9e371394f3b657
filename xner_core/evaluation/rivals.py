"""Other tools' word links, turned into entity alignments by the span rules and the assignment of xner's own aligners.

The tools come with the extra `rivals`, and are imported only when they are asked for.
"""

import importlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
from transformers import AutoConfig

from xner_core.alignment.candidates import EntityLinks
from xner_core.alignment.preparation import answer, prepare
from xner_core.alignment.query import Alignment, AlignmentQuery
from xner_core.alignment.similarity import choose
from xner_core.alignment.word_encoder import EncoderInput
from xner_core.errors import XnerError
from xner_core.models.loading import encoder_folder
from xner_core.models.tokenisation import word_offsets
from xner_core.text.words import words

logger = logging.getLogger(__name__)

# The words of a source and of a target text.
WordPair = tuple[list[str], list[str]]
# From pairs to links between their words, each [source words, target words], 1 or 0.
WordLinker = Callable[[Sequence[WordPair]], Sequence[np.ndarray]]

# Any link at all inside a span gives it a higher score.
_NO_LINK = 1e-3
# SimAlign's default, for encoders of 12 layers.
_SIMALIGN_DEPTH = 8 / 12
_NEIGHBOURS = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right)


def require(package: str) -> ModuleType:
    """Imports a rival.

    Raises:
        XnerError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise XnerError(
            f"the comparison with {package} needs its package, which cannot be imported ({error}): "
            "pip install 'xner[rivals]', or name other rivals"
        ) from error


class LinkAligner:
    """Aligns entities by word links. Confidence is the span's score, and is not calibrated."""

    def __init__(self, linker: WordLinker) -> None:
        self._linker = linker

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """One alignment for each source span of each query; an entity without links has none."""
        prepared = prepare(_Words(), queries)
        asked, first = np.unique(prepared.entity_query, return_index=True)
        pairs = [word_pair(queries[i].source_text, queries[i].target_text) for i in asked]
        matrices = self._linker(pairs) if pairs else []
        links = [
            entity_links(matrix, entities, prepared.entity_words[entities])
            for matrix, entities in zip(
                matrices, np.split(np.arange(len(prepared.entity_query)), first)[1:], strict=True
            )
        ]
        found = choose(prepared, links)
        return answer(prepared, found, found.score, found.score < _NO_LINK)


class _Words:
    """Stands in for an encoder, whose tokens no rival needs."""

    def tokenise(self, texts: Sequence[str]) -> list[EncoderInput]:
        nothing = np.zeros(0, dtype=np.int64)
        return [EncoderInput(word_offsets(text), [], nothing, nothing) for text in texts]


def word_pair(source_text: str, target_text: str) -> WordPair:
    """The words of both sides, as the rivals are given them."""
    source, target = ([text[start:end] for start, end in words(text)] for text in (source_text, target_text))
    return source, target


def entity_links(links: np.ndarray, entities: np.ndarray, entity_words: np.ndarray) -> EntityLinks:
    """Link probabilities of a pair's entities: those of a word are shared evenly among its links.

    Args:
        links: 1 or 0, [source words, target words]
        entities: which entities these are, [entities]
        entity_words: half-open range of each one's source words, [entities, 2]
    """
    links = links.astype(np.float32)
    forward = links / np.maximum(links.sum(axis=1, keepdims=True), 1)
    backward = links / np.maximum(links.sum(axis=0), 1)
    place = np.arange(len(links))
    members = ((place >= entity_words[:, :1]) & (place < entity_words[:, 1:])).astype(np.float32)
    attracted = members @ backward
    total = np.broadcast_to(forward.sum(axis=0), attracted.shape)
    return EntityLinks(entities, members @ forward, attracted, attracted, total)


def simalign_linker(encoder: str, device: str) -> WordLinker:
    """SimAlign (Jalili Sabet et al. 2020) with its own defaults: subwords, and matches by ArgMax.

    Args:
        encoder: name or folder of the encoder; its hidden layer is 8 of 12, or as deep in encoders of other sizes
        device: `cpu` or `cuda`
    """
    package = require("simalign")
    # Its loggers print every message a second time.
    logging.getLogger("simalign.simalign").handlers.clear()
    folder = str(encoder_folder(encoder))
    layer = max(1, round(AutoConfig.from_pretrained(folder).num_hidden_layers * _SIMALIGN_DEPTH))
    aligner = package.SentenceAligner(model=folder, matching_methods="a", device=device, layer=layer)

    def link(pairs: Sequence[WordPair]) -> list[np.ndarray]:
        return [
            _matrix(aligner.get_word_aligns(source, target)["inter"], len(source), len(target))
            for source, target in pairs
        ]

    return link


def eflomal_linker(parallel: Sequence[WordPair]) -> WordLinker:
    """eflomal (Östling and Tiedemann 2016) with its own defaults, symmetrised by grow-diag-final-and.

    It keeps nothing: each call aligns the parallel text and the pairs asked for together, as is usual. Its random
    numbers have no seed.
    """
    package = require("eflomal")

    def link(pairs: Sequence[WordPair]) -> list[np.ndarray]:
        started = time.monotonic()
        texts = [[" ".join(pair[side]) for pair in (*parallel, *pairs)] for side in (0, 1)]
        with TemporaryDirectory() as folder:
            paths = [Path(folder, name) for name in ("forward", "backward")]
            package.Aligner().align(*texts, *map(str, paths))
            # A line of links "source-target" for each pair, counted from the end.
            directions = [path.read_text().split("\n")[-len(pairs) - 1 : -1] for path in paths]
        logger.info("eflomal: %d pairs in %.0f s", len(texts[0]), time.monotonic() - started)
        return [
            grow_diag_final_and(
                *(_matrix([link.split("-") for link in line.split()], len(source), len(target)) for line in lines)
            )
            for (source, target), *lines in zip(pairs, *directions, strict=True)
        ]

    return link


def _matrix(links: Sequence[Sequence[int | str]], source_words: int, target_words: int) -> np.ndarray:
    matrix = np.zeros((source_words, target_words), dtype=bool)
    for source, target in links:
        matrix[int(source), int(target)] = True
    return matrix


def grow_diag_final_and(forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
    """One set of links from those of two directions (Koehn, Och and Marcu 2003), each [source words, target words].

    Links of both directions grow by neighbouring ones of either, as long as these link a word that has no link yet;
    then come links of either direction between two such words.
    """
    links, either = forward & backward, forward | backward
    queue = np.argwhere(links).tolist()
    # A neighbour once refused stays so, since no word loses its links; so one pass over all links is enough.
    for source, target in queue:
        for down, right in _NEIGHBOURS:
            row, column = source + down, target + right
            if not (0 <= row < links.shape[0] and 0 <= column < links.shape[1]) or links[row, column]:
                continue
            if either[row, column] and not (links[row].any() and links[:, column].any()):
                links[row, column] = True
                queue.append([row, column])
    for direction in (forward, backward):
        for row, column in np.argwhere(direction):
            if not links[row].any() and not links[:, column].any():
                links[row, column] = True
    return links
