"""What makes the derived files: nano, recorded runs, the benchmark and the stored outputs of the notebooks."""
