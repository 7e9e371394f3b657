"""Files, local or in an object store, and hashes of what is in them."""
