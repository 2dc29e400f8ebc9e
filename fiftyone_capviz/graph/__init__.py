"""Words together: counts, the word graph, association, two graphs compared."""
