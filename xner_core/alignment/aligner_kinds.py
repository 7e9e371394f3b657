"""The kinds of aligners, by the names that settings and recipes have for them."""

SIMILARITY, MARKER, SPAN_QUERY = "similarity", "marker", "span-query"
