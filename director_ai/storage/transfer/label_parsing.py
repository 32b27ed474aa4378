"""Parser of labels: 0 and 1, true and false, and the words of a verdict, alike at every door."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from director_ai.core.records.record import Label
from director_ai.errors import InvalidRecordError

Direction = Literal["good", "bad"]

ONE = frozenset({"1", "true", "yes", "y", "t"})
ZERO = frozenset({"0", "false", "no", "n", "f"})
BLANK = frozenset({"", "nan", "<na>", "na", "n/a", "#n/a", "nat", "null"})
"""Texts of a cell without a label. ``none`` is not among them: it may name a kind of error."""

_WORDS: dict[str, Label] = {
    **dict.fromkeys(
        (
            *("bad", "hallucinated", "hallucination", "incorrect", "unfaithful"),
            *("fail", "failed", "unsupported", "not supported", "not_supported", "refuted"),
            *("refutes", "inaccurate", "non-factual", "not factual", "contradiction"),
        ),
        "bad",
    ),
    **dict.fromkeys(
        (
            *("good", "ok", "correct", "faithful", "supported", "pass", "passed"),
            *("not hallucinated", "not_hallucinated", "non-hallucinated", "no hallucination"),
            *("no_hallucination", "supports", "accurate", "factual", "entailment"),
        ),
        "good",
    ),
    **dict.fromkeys(("unsure", "unknown"), "unsure"),
}

_BAD_IF_ONE = (
    *("label", "is_hallucination", "hallucination", "hallucinated", "is_hallucinated"),
    *("has_hallucination", "is_bad", "bad", "is_wrong", "wrong", "is_incorrect", "incorrect"),
    *("labels", "token_labels"),
)
_GOOD_IF_ONE = ("is_correct", "correct", "is_faithful", "faithful", "is_good", "good")

LABEL_COLUMNS = (*_BAD_IF_ONE, *_GOOD_IF_ONE)
"""Names of columns known to hold labels, the likeliest first."""

_NUMBER = re.compile(r"-?[0-9]+")
_OTHER: dict[Direction, Direction] = {"bad": "good", "good": "bad"}
_MOST_MEANINGS = 12


def direction_of(column: str) -> Direction | None:
    """Return the meaning of 1 in a column of a known, normalised name.

    >>> direction_of("is_correct"), direction_of("label"), direction_of("human_ok")
    ('good', 'bad', None)
    """
    if column in _GOOD_IF_ONE:
        return "good"
    return "bad" if column in _BAD_IF_ONE else None


@dataclass(frozen=True, slots=True)
class LabelCoding:
    """Meaning of a column's values.

    Attributes
    ----------
    one_is
        Meaning of 1, true and yes; ``None`` where nobody has said, which leaves 0 and 1 unread.
    bad_words, good_words
        Words of this column, beside those known anyway; case does not count.
    """

    one_is: Direction | None = "bad"
    bad_words: tuple[str, ...] = ()
    good_words: tuple[str, ...] = ()

    @classmethod
    def of_values(
        cls, bad: tuple[str, ...], good: tuple[str, ...], *, one_is: Direction | None = None
    ) -> "LabelCoding":
        """Return the coding in which these values are bad and those are good.

        A number beside 0 and 1, such as the 2 of a column of 1 and 2, makes those two words like
        any other, whatever the column's name says of them.

        >>> LabelCoding.of_values(("0",), ())
        LabelCoding(one_is='good', bad_words=(), good_words=())
        >>> LabelCoding.of_values(("FAIL",), ()).bad_words
        ('fail',)
        >>> LabelCoding.of_values(("2",), (), one_is="bad").one_is is None
        True

        Raises
        ------
        InvalidRecordError
            If a value is both.
        """
        meanings: dict[Direction, list[str]] = {"bad": [], "good": []}
        directions: set[Direction] = set()
        for label, values in (("bad", bad), ("good", good)):
            meaning: Direction = "bad" if label == "bad" else "good"
            for value in values:
                text = plain(value)
                if text in ONE:
                    directions.add(meaning)
                elif text in ZERO:
                    directions.add(_OTHER[meaning])
                else:
                    meanings[meaning].append(text)
        both = set(meanings["bad"]) & set(meanings["good"])
        if len(directions) > 1 or both:
            raise InvalidRecordError(
                f"bad and good must be different values, got {', '.join(bad)} and {', '.join(good)}"
            )
        coding = cls(None, tuple(meanings["bad"]), tuple(meanings["good"]))
        if directions:
            return replace(coding, one_is=directions.pop())
        return coding if coding.has_numbers else replace(coding, one_is=one_is)

    @property
    def has_numbers(self) -> bool:
        """Whether a word is a number other than 0 and 1, beside which those are words, too."""
        return any(map(_NUMBER.fullmatch, (*self.bad_words, *self.good_words)))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "LabelCoding":
        """Return the coding of plain values, as ``dataclasses.asdict`` and JSON leave them."""
        words = {name: tuple(values[name]) for name in ("bad_words", "good_words")}
        return cls(values["one_is"], **words)


@dataclass(slots=True)
class LabelParser:
    """Parser of one column of labels.

    Parameters
    ----------
    coding
        Meaning of the values. Where it names words of one kind only, the first word that is
        unknown otherwise is of the other kind; a second one is refused.

    Attributes
    ----------
    meanings
        Label of each value met, the first dozen.
    undirected
        Values of 0 and 1 met without a direction, which were left unread.
    """

    coding: LabelCoding = field(default_factory=LabelCoding)
    meanings: dict[str, Label] = field(default_factory=dict)
    undirected: set[str] = field(default_factory=set)
    _known: dict[str, Label] = field(default_factory=dict)
    _counterpart: str | None = None

    def __post_init__(self) -> None:
        self._known = {
            **_WORDS,
            **dict.fromkeys(self.coding.bad_words, "bad"),
            **dict.fromkeys(self.coding.good_words, "good"),
        }
        if self.coding.one_is is not None:
            self._known |= dict.fromkeys(ONE, self.coding.one_is)
            self._known |= dict.fromkeys(ZERO, _OTHER[self.coding.one_is])

    def parse(self, name: str, value: Any) -> Label | None:
        """Return the label of a value; ``None`` where it is blank or has no direction.

        >>> parser = LabelParser()
        >>> [parser.parse("label", value) for value in (1, 0.0, True, "Good", "", None)]
        ['bad', 'good', 'bad', 'good', None, None]

        Raises
        ------
        InvalidRecordError
            If the value is no label.
        """
        text = plain(value)
        label = self._known.get(text)
        if label is None:
            if text in BLANK:
                return None
            if (text in ONE or text in ZERO) and not self.coding.has_numbers:
                self.undirected.add(text)
                return None
            label = self._other_word(name, value, text)
        if text not in self.meanings and len(self.meanings) < _MOST_MEANINGS:
            self.meanings[text] = label
        return label

    def spelled_out(self) -> str:
        """Return the meaning of each value met, in words."""
        return ", ".join(
            f"{value!r:.40} is {label}" for value, label in sorted(self.meanings.items())
        )

    def _other_word(self, name: str, value: Any, text: str) -> Label:
        bad, good = self.coding.bad_words, self.coding.good_words
        is_word = isinstance(value, str) or _NUMBER.fullmatch(text) is not None
        if is_word and bool(bad) != bool(good) and self._counterpart is None:
            self._counterpart = text
            self._known[text] = "good" if bad else "bad"
            return self._known[text]
        others = "or a value said to be either" if self.coding.has_numbers else "0 or 1"
        raise InvalidRecordError(f"{name} must be good, bad, unsure, {others}, got {value!r:.80}")


def plain(value: Any) -> str:
    """Return a value as the parser compares it: in small letters, a whole number as an integer.

    >>> plain(1.0), plain("0.0"), plain("1,0"), plain(True), plain(" FAIL "), plain(None)
    ('1', '0', '1', 'true', 'fail', '')
    >>> plain(0.9999999), plain("-2.0")
    ('0.9999999', '-2')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        # Every digit counts: a probability of nearly 1 is no 1.
        return str(int(value) if value.is_integer() else value)
    text = str(value).strip().lower()
    whole, point, zeros = text.replace(",", ".", 1).partition(".")
    return whole if point and _NUMBER.fullmatch(whole) and not zeros.strip("0") else text
