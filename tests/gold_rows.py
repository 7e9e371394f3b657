"""Gold sentences that several test files share."""

ROWS = [
    {
        "id": "1",
        "en": {"tokens": ["Ada", "met", "Bob", "Ross"], "tags": ["B-PER", "O", "B-PER", "I-PER"]},
        "de": {"tokens": ["Ada", "traf", "Bob", "Ross"], "tags": ["B-PER", "O", "B-PER", "I-PER"]},
        "zh": {"tokens": ["Ada", "遇到", "Bob"], "tags": ["B-PER", "O", "B-PER"], "text": "Ada遇到 Bob"},
    },
    {
        "id": "2",
        "en": {"tokens": ["Rome", "sleeps"], "tags": ["B-LOC", "O"]},
        "de": {"tokens": ["Die", "Stadt", "schläft"], "tags": ["O", "O", "O"]},
        "zh": {"tokens": ["罗马", "睡"], "tags": ["B-LOC", "O"]},
    },
]
