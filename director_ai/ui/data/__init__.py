"""The Data page: import, labels, recorder, storage, help."""
