"""Review, the page that asks: was it right."""

from director_ai.ui.review import card, header, summary

visit = header.current_visit()
if not visit.queue.cards:
    summary.empty(visit)
elif visit.card is None:
    summary.end(visit)
else:
    header.say_what_waits(visit)
    card.card(visit)
header.faults(visit)
