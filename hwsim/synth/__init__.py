"""From a liberty file to price rows: synthesis, check against the reference, timing and energy of every PE."""
