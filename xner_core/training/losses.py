"""Losses on p, the probability that a model gives to a token's label.

    cross-entropy        -log p
    focal                -(1 - p)^gamma log p      (Lin et al. 2017, arXiv:1708.02002, eq. 4)
    reverse focal        -p^gamma log p            (Li, He, Xu 2021, arXiv:2101.11112)
    generalised          (1 - p^gamma) / gamma     (Zhang and Sabuncu 2018, arXiv:1805.07836, eq. 6)
    symmetric            -log p + gamma (1 - p)    (Wang et al. 2019, arXiv:1908.06112, eq. 7; gamma = -A beta)

Read as a differentiable product, the reverse focal loss has a gradient that changes sign at p = exp(-1/gamma): below
it the model is pushed away from the label. With `detach_weight` the weight is a constant and the sign never changes;
its gradient is then that of the generalised cross-entropy, for d(1 - p^gamma)/gamma = -p^gamma d(log p).
"""

from collections.abc import Callable

import torch
from torch.nn.functional import log_softmax

from xner_core.training.fitting_settings import LossSettings

IGNORED = -100
# Below it all losses are the cross-entropy, which is their limit; the gradient of (1 - p^gamma) / gamma would overflow.
_LEAST_GAMMA = 1e-6


def token_loss(log_p: torch.Tensor, settings: LossSettings) -> torch.Tensor:
    """The loss of each token from the log-probability of its label; same shape."""
    if settings.name == "cross_entropy" or settings.gamma < _LEAST_GAMMA:
        return -log_p
    if settings.name == "generalised_cross_entropy":
        return -torch.expm1(settings.gamma * log_p) / settings.gamma
    if settings.name == "symmetric_cross_entropy":
        return -log_p - settings.gamma * torch.expm1(log_p)
    base = log_p.exp() if settings.name == "reverse_focal" else -torch.expm1(log_p)
    weight = base.clamp_min(torch.finfo(base.dtype).tiny) ** settings.gamma
    return -(weight.detach() if settings.detach_weight else weight) * log_p


def label_log_probability(logits: torch.Tensor, admitted: torch.Tensor) -> torch.Tensor:
    """The log of the probability that a label is one of those that the annotation admits.

    Args:
        logits: [tokens, labels]
        admitted: which labels are admitted, at least one for each token, bool [tokens, labels]

    Returns:
        [tokens]
    """
    return log_softmax(logits, dim=-1).masked_fill(~admitted, -torch.inf).logsumexp(dim=-1)


def batch_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    admitted: Callable[[torch.Tensor], torch.Tensor],
    settings: LossSettings,
) -> torch.Tensor:
    """The mean loss over the tokens whose target is not `IGNORED`; 0 where there are none.

    Args:
        logits: [sentences, tokens, labels]
        targets: [sentences, tokens]
        admitted: from targets, [tokens], to the labels that they admit, bool [tokens, labels]
        settings: the loss
    """
    known = targets != IGNORED
    if not known.any():
        return logits.sum() * 0.0
    return token_loss(label_log_probability(logits[known].float(), admitted(targets[known])), settings).mean()
