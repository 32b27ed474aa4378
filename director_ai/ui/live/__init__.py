"""The Live page: sources, playback, endpoint streams, recording."""
