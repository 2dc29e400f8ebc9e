"""The Segment Gallery's data."""
