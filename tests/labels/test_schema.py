from xner_core.labels.schema import sum_counts


def test_counts_are_added_name_by_name():
    counts = [{"pairs": 2, "types": {"PER": 1}}, {"pairs": 3, "types": {"PER": 2, "LOC": 1}}, {"types": {}}]
    assert sum_counts(counts) == {"pairs": 5, "types": {"PER": 3, "LOC": 1}}
    assert sum_counts([]) == {}
