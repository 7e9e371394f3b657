"""What a text consists of: words, scripts, spans, forms in which texts are compared."""
