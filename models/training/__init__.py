"""Training with PyTorch, which is imported only when a training starts (extra ``train``)."""
