"""Monitor page: whether deployed limits still hold."""

from director_ai.ui.components import page_style
from director_ai.ui.monitor import page

page_style.title("Monitor", hidden=True)
page_style.without_sidebar()
page.draw_page()
