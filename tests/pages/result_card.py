"""The numbers of the Tune page's card, as a script of it draws them."""

import re

from streamlit.testing.v1 import AppTest

_NUMBER = re.compile(r'class="d-number.*aria-label="([^"]*)"><b>([^<]*)</b><small>([^<]*)</small>')


def numbers(app: AppTest) -> dict[str, tuple[str, str]]:
    """Return each number by its name, and what stands below it."""
    found = (_NUMBER.search(element.value) for element in app.html)
    return {match[1]: (match[2], match[3]) for match in found if match}
