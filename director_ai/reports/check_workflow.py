"""Check workflow: the file by which GitHub Actions checks the limits of every pull request."""


def workflow(policy: str, archive: str, *, max_false_halt_rate: float, confidence: float) -> str:
    """Return a workflow that runs ``director-ai check``.

    Parameters
    ----------
    policy, archive
        Files of the repository, by paths that need no quotes.
    max_false_halt_rate, confidence
        Promise to keep, both in (0, 1).

    Examples
    --------
    >>> text = workflow("policy.yaml", "golden.parquet", max_false_halt_rate=0.05, confidence=0.95)
    >>> print(text.splitlines()[-3].strip())
    director-ai check policy.yaml --against golden.parquet --baseline-rev HEAD^1
    """
    return f"""\
on: pull_request
jobs:
  limits:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: {{fetch-depth: 2}}          # HEAD^1 is the target branch
      - run: pip install director-workbench
      - run: >-
          director-ai check {policy} --against {archive} --baseline-rev HEAD^1
          --max-false-halt-rate {max_false_halt_rate:g} --confidence {confidence:g}
          --format github --junit check.xml
"""
