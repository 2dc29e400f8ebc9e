"""Plain HTML, SVG and CSV; knows no dataset."""
