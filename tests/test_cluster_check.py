import pytest

from xner_core.cluster_check import require_resources
from xner_core.errors import XnerError

pytestmark = pytest.mark.usefixtures("ray_session")


def test_what_fits_is_accepted():
    require_resources({"taggers": [{"CPU": 1}] * 3, "reading": [{"CPU": 1}]})
    require_resources({})


def test_the_sum_is_what_counts_and_the_message_says_of_what():
    with pytest.raises(XnerError, match=r"not enough CPU .* 5 needed, 4 there \(taggers: 3 CPU; aligners: 2 CPU\)"):
        require_resources({"taggers": [{"CPU": 1}] * 3, "aligners": [{"CPU": 2}]})


def test_a_resource_that_no_node_has_is_named():
    with pytest.raises(XnerError, match="not enough GPU in the cluster: 1 needed, 0 there"):
        require_resources({"tagger": [{"CPU": 1, "GPU": 0.6}]})
