"""Text of others is shown as it is and never obeyed."""

from director_ai.ui.components.escaping import escape_html, escape_label


def test_html_is_escaped_for_text_and_attributes() -> None:
    assert escape_html("<b a='1' c=\"2\">&\u202e") == (
        "&lt;b a=&#x27;1&#x27; c=&quot;2&quot;&gt;&amp;⟨U+202E⟩"
    )


def test_a_plotly_label_keeps_its_quotes() -> None:
    assert escape_label('<a href="x">&') == '&lt;a href="x"&gt;&amp;'
