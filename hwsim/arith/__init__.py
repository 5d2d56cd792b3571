"""Bit-accurate dot products and quantizers: a reference and compiled kernels that equal it."""
