"""Second-order attributions of a dual encoder: tokens of one side by tokens of the other."""
