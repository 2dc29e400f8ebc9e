"""Models behind a few interfaces: one architecture, one file; the registry finds and loads them."""
