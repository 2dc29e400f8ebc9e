"""What segments carry: the word in focus, the active caption, outlines."""
