"""Text of others in a Markdown note."""

import pytest

from director_ai.reports.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("@ann and @org/team", "@<!-- -->ann and @<!-- -->org/team"),
        ("a@b.org", "a@<!-- -->b.org"),
        ("fixes #1, org/repo#23", "fixes #<!-- -->1, org/repo#<!-- -->23"),
        ("gh-7 GH-7", "gh-<!-- -->7 GH-<!-- -->7"),
        ("!12 of a merge", "!<!-- -->12 of a merge"),
        ("see https://a.org/x?y", "see https:<!-- -->//a.org/x?y"),
        ("HTTP://A.org", "HTTP:<!-- -->//A.org"),
        ("ftp://a www.a.org", "ftp:<!-- -->//a www<!-- -->.a.org"),
        ("C# and 3 @ home, 50 %", "C# and 3 @ home, 50 %"),
        ("it's <b>", "it&#x27;s &lt;b&gt;"),
    ],
)
def test_mentions_references_and_addresses_are_text(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped
