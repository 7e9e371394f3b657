"""From cleaned pairs to the shards of a corpus, again and again as its sources change."""
