"""Word attribution: which patches each word of a caption attends to."""
