"""The shells around the decision core: sync and async kernels and what they record."""
