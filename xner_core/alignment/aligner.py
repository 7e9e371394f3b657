"""The aligner: raw sentence pairs and source spans in, target spans with a confidence out."""

from collections.abc import Sequence
from typing import Any, Protocol

from xner_core.alignment.query import Alignment, AlignmentQuery


class Aligner(Protocol):
    """Finds source spans again in the target text; `align` is `finish(prepared, compute(prepared))`.

    The three steps can run apart, so that the next pairs are tokenised (`prepare`, on the host) while the encoder
    (`compute`, on the device) is busy with these. No query makes a batch fail: what cannot be aligned has a reason.
    """

    def align(self, queries: Sequence[AlignmentQuery]) -> list[list[Alignment]]:
        """One alignment for each source span of each query, in their order.

        Every target span lies inside its text, and ends where words end. Target spans of a pair overlap only where
        their source spans do.
        """
        ...

    def prepare(self, queries: Sequence[AlignmentQuery]) -> Any: ...

    def compute(self, prepared: Any) -> Any: ...

    def finish(self, prepared: Any, computed: Any) -> list[list[Alignment]]: ...
