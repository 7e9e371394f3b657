"""Pretrained models, and how texts become what they read."""
