"""Training the bundled models: the loop that a kill cannot hurt, the data, the losses of each."""
