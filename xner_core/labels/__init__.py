"""What a projection writes: the files of labels, their columns, and the votes of all on each name."""
