"""Models at work: loaded once, images prepared, memory bounded, turns taken, answers kept."""
