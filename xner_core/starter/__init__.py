"""The tagger that ships with xner."""
