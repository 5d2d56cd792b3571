"""Compression: steps from a trained network to one with fewer and shorter numbers, and the file that holds it."""
