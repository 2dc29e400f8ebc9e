"""The analysis of a view: caption, match, segment, attribute, map."""
