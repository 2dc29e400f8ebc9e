"""A small synthetic world with known truth: scenes, drawings, masks and captions."""
