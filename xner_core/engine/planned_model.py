"""Whether a node has the very model that a run was planned with; another one would not be noticed by what it makes."""

import socket

from xner_core.errors import RunFailure


def require_planned_model(what: str, own: str, planned: str) -> None:
    """Checks a model of this node.

    Args:
        what: the model, in words
        own: its digest or fingerprint here
        planned: the same where the run was planned

    Raises:
        RunFailure: they differ.
    """
    if own != planned:
        raise RunFailure(
            f"the {what} on {socket.gethostname()} is not the one that this run was planned with (fingerprint {own}, "
            f"not {planned}): its files differ from node to node, or have changed; see to that, and run again"
        )
