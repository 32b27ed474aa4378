"""Review, the page that asks: was it right."""

from director_ai.ui import review_end, review_line, review_page

visit = review_line.current_visit()
if not visit.queue.cards:
    review_end.empty(visit)
elif visit.card is None:
    review_end.end(visit)
else:
    review_line.say_what_waits(visit)
    review_page.card(visit)
review_line.faults(visit)
