"""How good attributions are, measured on labelled images; NumPy alone, no FiftyOne, no model."""
