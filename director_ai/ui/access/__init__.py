"""Login and the store that the visitor may use."""
