"""Review page: label the halts that wait."""

from director_ai.ui.review import card, header, summary

batch = header.current_batch()
if not batch.queue.cards:
    summary.draw_empty_queue(batch)
elif batch.card is None:
    summary.draw_summary(batch)
else:
    header.queue_notice(batch)
    card.draw_card(batch)
header.faults(batch)
header.guard_keys(batch)
