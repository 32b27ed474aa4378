"""Recording of live streams: buffer, flush thread, live writer, warm-up, reserve file."""
