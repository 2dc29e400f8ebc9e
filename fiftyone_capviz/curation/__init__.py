"""What ties the library to FiftyOne: fields, runs, the analysis of a view, maps and exports."""
