"""The decision core: pure rules, no clock, file, callback or thread."""
