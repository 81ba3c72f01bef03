"""The commands and their calls: what a reader loads, how it is built, and what can be wrong with a dataset."""
