import pytest
import torch

from xner_core.engine.resources import _gpus, cluster_device, count_fitting, require_cuda, require_resources
from xner_core.errors import XnerError

pytestmark = pytest.mark.usefixtures("ray_session")


def test_what_fits_is_accepted():
    require_resources({"taggers": [{"CPU": 1}] * 3, "reading": [{"CPU": 1}]})
    require_resources({})


def test_the_sum_is_what_counts_and_the_message_says_of_what():
    with pytest.raises(XnerError, match=r"not enough CPU .* 5 needed, 4 there \(taggers: 3 CPU; aligners: 2 CPU\)"):
        require_resources({"taggers": [{"CPU": 1}] * 3, "aligners": [{"CPU": 2}]})


def test_a_resource_that_no_node_has_is_named():
    with pytest.raises(XnerError, match="not enough TPU in the cluster: 1 needed, 0 there"):
        require_resources({"tagger": [{"CPU": 1, "TPU": 1}]})


def test_fractions_of_a_gpu_share_it_only_where_they_fit():
    require_resources({"tagger": [{"GPU": 0.6}], "aligner": [{"GPU": 0.4}]})
    require_resources({"tagger": [{"GPU": 0.3}] * 3})
    with pytest.raises(XnerError, match="not enough GPU in the cluster: 2 needed, 1 there"):
        require_resources({"tagger": [{"GPU": 0.3}] * 4})


def test_how_many_fit_is_what_the_scarcest_resource_allows():
    assert count_fitting({"CPU": 2}) == 2
    assert count_fitting({"CPU": 1, "GPU": 1}) == 1
    assert count_fitting({"CPU": 1, "GPU": 0}) == 4
    assert count_fitting({"CPU": 3}) == 1
    assert count_fitting({"CPU": 0.1}) == 40


def test_three_actors_of_more_than_half_a_gpu_need_three():
    assert _gpus([0.6, 0.6, 0.6]) == 3
    assert _gpus([0.5, 2, 0.25, 0.25]) == 3


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_ray_has_and_pytorch_does_not_see_is_an_error():
    """The Ray of these tests says that it has one."""
    with pytest.raises(XnerError, match=r"a GPU was asked for, but PyTorch .* sees none: .*; install one for GPUs"):
        require_cuda({"CPU": 1, "GPU": 0.5})


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.usefixtures("ray_session")
def test_the_cluster_says_what_auto_is(caplog):
    """The Ray of these tests says that it has a GPU, which PyTorch does not see."""
    assert (cluster_device("cpu"), cluster_device("cuda")) == ("cpu", "cuda")
    assert cluster_device("auto") == "cpu"
    assert "the cluster has GPUs, but cannot compute on them, so CPUs do: a GPU was asked for" in caplog.text
