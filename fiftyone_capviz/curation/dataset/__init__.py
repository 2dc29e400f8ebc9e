"""What stands on a dataset: every name we write, schema, documents, states, runs, stop flag."""
