"""Sessions in and out: files of ours, of the original and of others, read without trusting them."""
