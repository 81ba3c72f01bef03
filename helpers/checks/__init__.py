"""The checks of the exercises: a file for each notebook, named like it without its number, and what they share."""
