import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xner_core.training.features import TargetScheme
from xner_core.training.fitting_settings import LossSettings
from xner_core.training.losses import IGNORED, batch_loss, label_log_probability, token_loss

CROSS_ENTROPY = LossSettings()
NAMES = ["cross_entropy", "focal", "reverse_focal", "generalised_cross_entropy", "symmetric_cross_entropy"]


def _loss(p: float, settings: LossSettings) -> float:
    return token_loss(torch.tensor([math.log(p)], dtype=torch.float64), settings).item()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (CROSS_ENTROPY, 1.3862943611),
        # (1 - 0.25)^2 * -log 0.25
        (LossSettings("focal", 2.0), 0.7797905781),
        # 0.25^2 * -log 0.25
        (LossSettings("reverse_focal", 2.0), 0.0866433976),
        (LossSettings("reverse_focal", 0.5), 0.6931471806),
        # (1 - 0.25^0.5) / 0.5
        (LossSettings("generalised_cross_entropy", 0.5), 1.0),
        # -log 0.25 + 2 * 0.75
        (LossSettings("symmetric_cross_entropy", 2.0), 2.8862943611),
    ],
)
@pytest.mark.parametrize("detach", [True, False])
def test_values_at_a_quarter(settings, expected, detach):
    settings = LossSettings(settings.name, settings.gamma, detach)
    assert _loss(0.25, settings) == pytest.approx(expected, rel=1e-9)


@given(st.floats(1e-6, 1 - 1e-6), st.sampled_from(NAMES))
def test_gamma_0_is_cross_entropy(p, name):
    assert _loss(p, LossSettings(name, 0.0)) == pytest.approx(-math.log(p), rel=1e-9)


@given(
    st.floats(0.01, 0.99),
    st.sampled_from(NAMES),
    st.floats(0.0, 4.0),
    st.booleans(),
)
def test_gradient_is_that_of_finite_differences(p, name, gamma, detach):
    settings = LossSettings(name, gamma, detach)
    log_p = torch.tensor([math.log(p)], dtype=torch.float64, requires_grad=True)
    token_loss(log_p, settings).sum().backward()
    step = 1e-6
    if detach and name in ("focal", "reverse_focal"):
        # With its weight held, the loss is linear in log p.
        weight = {"focal": 1 - p, "reverse_focal": p}[name] ** gamma
        expected = -weight
    else:
        higher, lower = (token_loss(log_p.detach() + sign * step, settings).item() for sign in (1, -1))
        expected = (higher - lower) / (2 * step)
    assert log_p.grad.item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_differentiable_reverse_focal_pushes_away_below_its_turning_point(gamma):
    def gradient(p: float, detach: bool) -> float:
        log_p = torch.tensor([math.log(p)], dtype=torch.float64, requires_grad=True)
        token_loss(log_p, LossSettings("reverse_focal", gamma, detach)).sum().backward()
        return log_p.grad.item()

    turning_point = math.exp(-1 / gamma)
    assert gradient(turning_point * 0.9, detach=False) > 0
    assert gradient(min(0.999, turning_point * 1.1), detach=False) < 0
    assert gradient(turning_point * 0.9, detach=True) < 0


@given(st.floats(0.01, 0.99), st.floats(0.1, 1.0))
def test_generalised_cross_entropy_has_the_gradient_of_detached_reverse_focal(p, gamma):
    gradients = []
    for name in ("generalised_cross_entropy", "reverse_focal"):
        log_p = torch.tensor([math.log(p)], dtype=torch.float64, requires_grad=True)
        token_loss(log_p, LossSettings(name, gamma)).sum().backward()
        gradients.append(log_p.grad.item())
    assert gradients[0] == pytest.approx(gradients[1], rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("log_p", [0.0, 1e-8, -200.0])
@pytest.mark.parametrize("detach", [True, False])
def test_extremes_are_finite(name, gamma, log_p, detach):
    leaf = torch.tensor([log_p], requires_grad=True)
    loss = token_loss(leaf, LossSettings(name, gamma, detach))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(leaf.grad).all()


def test_probability_of_admitted_labels_is_their_sum():
    logits = torch.log(torch.tensor([[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]]))
    admitted = torch.tensor([[True, False, True], [False, True, False]])
    assert label_log_probability(logits, admitted).exp().tolist() == pytest.approx([0.8, 0.2])


def test_batch_loss_is_the_mean_over_known_tokens():
    scheme = TargetScheme(["LOC"])
    # Probabilities of O, B-LOC, I-LOC.
    logits = torch.log(torch.tensor([[[0.5, 0.2, 0.3], [0.1, 0.8, 0.1]], [[0.5, 0.25, 0.25], [0.6, 0.3, 0.1]]]))
    targets = torch.tensor([[scheme.outside([]), scheme.entity("LOC", True)], [scheme.outside(["LOC"]), IGNORED]])
    expected = (-math.log(0.5) - math.log(0.8) - math.log(1.0)) / 3
    assert batch_loss(logits, targets, scheme.admitted, CROSS_ENTROPY).item() == pytest.approx(expected, abs=1e-6)


def test_batch_without_known_tokens_has_no_loss_but_a_gradient():
    logits = torch.randn(2, 3, 3, requires_grad=True)
    loss = batch_loss(logits, torch.full((2, 3), IGNORED), TargetScheme(["LOC"]).admitted, CROSS_ENTROPY)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0
