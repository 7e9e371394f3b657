"""From sentence pairs to labels: what is done to one shard, and which shards are to be done."""
