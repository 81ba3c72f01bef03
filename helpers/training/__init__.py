"""A training run before, during and after: schedule, memory and packing planned, the trainer, its log, a diagnosis."""
