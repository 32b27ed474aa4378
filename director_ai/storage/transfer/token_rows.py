"""Gathering of token rows: one row a token becomes one row a session."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from sys import intern
from typing import Any, NamedTuple

from director_ai.core.records.record import Label
from director_ai.errors import InvalidRecordError
from director_ai.storage.transfer.answer_columns import AnswerColumns
from director_ai.storage.transfer.cell_parsing import is_blank, parse_int, parse_name, parse_time
from director_ai.storage.transfer.column_mapping import known_columns
from director_ai.storage.transfer.csv_file import is_export
from director_ai.storage.transfer.label_parsing import LabelParser
from director_ai.storage.transfer.limits import MAX_TOKENS, at_most
from director_ai.storage.transfer.problem import Problem, RowProblem
from director_ai.storage.transfer.read_report import ImportOffer, ReadReport

PER_TOKEN = ("tokens", "scores", "held", "times", "label")
"""Fields of which every row of a session has its own value."""

SPAN = ("started", "ended")
"""Fields that rows may have each its own value of: the first and the last are the session's."""

MOMENTS = "\0moments"
"""Key of a gathered row: microseconds of each token, where rows tell when they came."""

Row = Mapping[str, Any]
Rows = Iterator[tuple[int, Row | Problem]]

NAMELESS = ("", "Unnamed: 0", "__index_level_0__")
"""Columns that pandas numbers rows in; they make no row another one."""


class SessionLabel(NamedTuple):
    """Label of a session whose rows each had their own.

    Attributes
    ----------
    label
        Bad where any token is.
    onset
        First bad token, where the labels are known to be the tokens' own.
    """

    label: Label | None
    onset: int | None

    @classmethod
    def of_tokens(cls, labels: Iterable[Label | None], *, has_onset: bool) -> "SessionLabel":
        """Return the label of a session by those of its tokens.

        >>> SessionLabel.of_tokens(["good", "bad", "bad"], has_onset=True)
        SessionLabel(label='bad', onset=1)
        """
        labels = list(labels)
        if "bad" in labels:
            return cls("bad", labels.index("bad") if has_onset else None)
        return cls("unsure" if "unsure" in labels else "good" if "good" in labels else None, None)


class _Session:
    """Rows of one session, column by column."""

    __slots__ = (
        "broken",
        "first",
        "fixed",
        "indices",
        "lines",
        "lists",
        "numbers",
        "prints",
        "repeats",
        "seen",
        "token_lines",
    )

    def __init__(self, first: Row, names: tuple[str, ...]) -> None:
        self.first = first
        self.fixed: tuple[Any, ...] | None = None
        self.lines: list[int] = []
        self.token_lines = self.lines
        self.indices: list[Any] = []
        self.numbers: list[int | None] = []
        self.lists: dict[str, list[Any]] = {name: [] for name in names}
        self.prints: list[int] = []
        self.seen: set[int] | None = None
        self.broken: Problem | None = None
        self.repeats: tuple[int, int] | None = None


class TokenRows:
    """Sessions gathered from rows of tokens, in the order in which they first appear.

    Rows of a session need not follow each other. They are put in the order of their index, else
    of their times, else of their appearance. A row that cannot be read breaks the sessions of the
    rows beside it: it may be of either. Whatever is the session's own may stand on any of its
    rows, and must be the same wherever it stands.

    Parameters
    ----------
    at
        Column of each field.
    labels
        Parser of the column of labels.
    report
        Takes the notes on how rows were ordered.
    columns
        Columns of the table; those that no field takes may tell answers apart.

    Attributes
    ----------
    counts_from_one
        Whether the index does; known once the first session is yielded.
    lines
        Line of each token of the session that was yielded last.
    """

    def __init__(
        self,
        at: Mapping[str, str],
        labels: LabelParser,
        report: ReadReport,
        columns: Iterable[str],
    ) -> None:
        self._at, self._labels, self._report = at, labels, report
        columns = tuple(columns)
        self._is_ours = is_export(columns)
        # Without an id the whole table is one session, which is looked at elsewhere.
        self._answers = AnswerColumns(columns if "id" in at else (), at.values())
        per_row = [at[field] for field in (*PER_TOKEN, *SPAN) if field in at]
        self._names = tuple(dict.fromkeys(per_row))
        not_fixed = {*per_row, at.get("id"), at.get("index")}
        self._fixed = tuple(dict.fromkeys(c for c in at.values() if c not in not_fixed))
        self._fixed_of = _getter(self._fixed)
        self._sessions: dict[str, _Session] = {}
        self._unread: dict[str, Problem] = {}
        self._n_rows = self._n_adjacent = self._first_adjacent = 0
        self._is_interleaved = self.counts_from_one = False
        self.lines: list[int] = []

    def gathered(self, rows: Rows) -> Rows:
        """Yield one row a session, with lists for the columns of its tokens, and the problems."""
        yield from self._problems(rows)
        for line, several in self._answers.problems():
            if known_columns("id", [several.field]):
                self._report.offer(ImportOffer("columns", several.field, "id"))
            yield line, several
        self._break_unread()
        if not self._is_ours:
            self._break_alike()
        offset = self._index_offset()
        self.counts_from_one = offset == 1
        problems = [
            session.broken or self._in_order(session, offset) for session in self._sessions.values()
        ]
        is_per_token = self._labels_vary()
        for session, problem in zip(self._sessions.values(), problems, strict=True):
            if problem is None:
                self.lines = session.token_lines
                yield session.lines[0], self._row(session, is_per_token=is_per_token)
            else:
                yield problem.line, problem
        if self._is_interleaved:
            self._report.note("rows of a session do not follow each other; they were gathered")
        if self._n_adjacent:
            more = f", as do {self._n_adjacent - 1:,} more rows" if self._n_adjacent > 1 else ""
            self._report.note(
                f"line {self._first_adjacent} repeats the row before it{more}; kept as a token of "
                "its own"
            )

    def _problems(self, rows: Rows) -> Iterator[tuple[int, Problem]]:
        """Take every row; yield those that cannot be read."""
        id_column = self._at.get("id")
        session: _Session | None = None
        current = ""
        unread: Problem | None = None
        for line, row in rows:
            problem = row if isinstance(row, Problem) else self._without_id(line, row)
            if problem is not None:
                yield line, problem
                owner = problem.cells.get(id_column or "") if type(problem) is RowProblem else None
                if owner:
                    self._unread[owner] = problem
                else:
                    unread = problem
                    self._break(session, problem)
                continue
            assert not isinstance(row, Problem)
            self._n_rows += 1
            at_most("a file", self._n_rows, MAX_TOKENS, "tokens")
            name = "" if id_column is None else parse_name(id_column, row[id_column])
            if session is None or name != current:
                current = name
                known = self._sessions.get(name)
                session = known or _Session(row, self._names)
                if known is None:
                    self._sessions[name] = session
                elif session.seen is None:
                    self._is_interleaved = True
                    session.seen = set(session.prints)
            if self._answers.names:
                self._answers.see(name, row)
            self._add(session, line, row)
            if unread is not None:
                self._break(session, unread)
                unread = None

    def _without_id(self, line: int, row: Row) -> Problem | None:
        column = self._at.get("id")
        if column is None:
            return None
        try:
            if parse_name(column, row.get(column)):
                return None
        except InvalidRecordError as error:
            return Problem.of_session(line, error, {})
        message = f"{column} must name the session on every row, got {row.get(column)!r}"
        return Problem.of_session(line, InvalidRecordError(message), {})

    def _break_alike(self) -> None:
        """Break sessions whose names differ by blanks around them alone."""
        for name, session in self._sessions.items():
            trimmed = name.strip()
            if trimmed != name and trimmed in self._sessions:
                message = (
                    f"{self._at['id']} must differ by more than blanks, got {name!r:.80} beside "
                    f"{trimmed!r:.80}"
                )
                for each in (session, self._sessions[trimmed]):
                    each.broken = self._problem(each, session.lines[0], message)

    def _break_unread(self) -> None:
        """Break the sessions that a damaged row names."""
        for name, problem in self._unread.items():
            self._break(self._sessions.get(name), problem)

    def _add(self, session: _Session, line: int, row: Row) -> None:
        session.lines.append(line)
        fixed = self._fixed_of(row)
        if session.fixed is None:
            session.fixed = fixed
        elif fixed != session.fixed:
            self._take_fixed(session, line, fixed)
        for name, values in session.lists.items():
            value = row.get(name)
            # The same few words and labels come back a million times.
            values.append(intern(value) if type(value) is str else value)
        if "index" in self._at:
            session.indices.append(row.get(self._at["index"]))
            return
        fingerprint = _fingerprint(row)
        if session.prints and session.prints[-1] == fingerprint:
            self._first_adjacent = self._first_adjacent or line
            self._n_adjacent += 1
        if session.seen is not None:
            if fingerprint in session.seen and session.repeats is None:
                session.repeats = (session.lines[session.prints.index(fingerprint)], line)
            session.seen.add(fingerprint)
        session.prints.append(fingerprint)

    def _take_fixed(self, session: _Session, line: int, fixed: tuple[Any, ...]) -> None:
        """Take what a row alone says of its session; what it says otherwise breaks the session."""
        assert session.fixed is not None
        merged = list(session.fixed)
        for place, (value, known) in enumerate(zip(fixed, session.fixed, strict=True)):
            if is_blank(value) or value == known:
                continue
            if is_blank(known):
                merged[place] = value
            elif session.broken is None:
                message = (
                    f"{self._fixed[place]} must be the same on every row of a session, "
                    f"got {value!r:.80} after {known!r:.80}"
                )
                if "id" not in self._at:
                    message += "; choose a column for id"
                session.broken = self._problem(session, line, message)
        session.fixed = tuple(merged)

    def _break(self, session: _Session | None, problem: Problem) -> None:
        if session is None:
            return
        message = f"every row of the session must be read, got none of line {problem.line}"
        session.broken = self._problem(session, session.lines[0], message)

    def _index_offset(self) -> int | None:
        """Return the number of each session's first token; ``None`` where rows are numbered."""
        if "index" not in self._at:
            return 0
        column = self._at["index"]
        for session in self._sessions.values():
            session.numbers = list(map(token_number, session.indices))
        numbers = [
            number
            for session in self._sessions.values()
            for number in session.numbers
            if number is not None
        ]
        first = min(numbers, default=0)
        is_numbering = (
            len(self._sessions) > 1
            and first in (0, 1)
            and len(numbers) == self._n_rows == max(numbers) - first + 1
            and len(set(numbers)) == self._n_rows
        )
        if is_numbering:
            self._report.note(f"{column} numbers the rows of the file; tokens follow its order")
            return None
        if first == 1:
            self._report.note(f"{column} counts from 1; the first token is 0 here")
            return 1
        return 0

    def _in_order(self, session: _Session, offset: int | None) -> Problem | None:
        """Put the rows in order; return what keeps them from being a session."""
        if "index" not in self._at:
            session.repeats = session.repeats or _repeated_half(session)
            if session.repeats is None:
                return self._doubled(session) or self._by_time(session)
            first, again = session.repeats
            return self._problem(
                session,
                again,
                f"line {again} must be another token, got line {first} again, whole; "
                "give rows that repeat on purpose an index",
            )
        column, indices = self._at["index"], session.indices
        numbers = [-1 if number is None else number for number in session.numbers]
        if -1 in numbers:
            place = numbers.index(-1)
            message = f"{column} must be a whole number, got {indices[place]!r:.80}"
            return self._problem(session, session.lines[place], message)
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        for expected, place in enumerate(order) if offset is not None else ():
            number = numbers[place] - (offset or 0)
            if number == expected:
                continue
            if number == expected - 1 >= 0:
                before = session.lines[order[expected - 1]]
                message = f"{column} must be new, got {indices[place]!r:.80} of line {before} again"
                if "id" not in self._at:
                    message += "; choose a column for id"
            else:
                must = expected + (offset or 0)
                message = f"{column} must be {must}, got {indices[place]!r:.80}"
            return self._problem(session, session.lines[place], message)
        self._put_in_order(session, order, column)
        return None

    def _doubled(self, session: _Session) -> Problem | None:
        """Return the problem of a session of which every token stands there twice.

        Its tokens come again as a whole, or each at once, with the same scores, as those of two
        raters do.
        """
        half, odd = divmod(len(session.lines), 2)
        columns = [self._at[field] for field in ("tokens", "scores") if field in self._at]
        if odd or half < 3 or len(columns) < 2:
            return None
        contents = [session.lists[column] for column in columns]
        for first, second in (
            (slice(half), slice(half, None)),
            (slice(None, None, 2), slice(1, None, 2)),
        ):
            if (
                all(values[first] == values[second] for values in contents)
                # Of few words, or scores that hardly differ, chance may do it.
                and all(len(_distinct(values)) > 2 for values in contents)
            ):
                line, known = session.lines[second.start], session.lines[0]
                return self._problem(
                    session,
                    line,
                    f"line {line} must be another token, got token and score of line {known} "
                    "again, as all rows of the session come twice; choose a column for id that "
                    "names each answer",
                )
        return None

    def _by_time(self, session: _Session) -> Problem | None:
        """Put rows without an index in the order of their times, if they have any."""
        field = "times" if "times" in self._at else "started"
        values = session.lists.get(self._at.get(field, ""), [])
        if sum(not is_blank(value) for value in _distinct(values)) < 2:
            return None
        column = self._at[field]
        moments: list[int] = []
        for line, value in zip(session.lines, values, strict=True):
            try:
                moment = parse_int(column, value) if field == "times" else parse_time(column, value)
            except InvalidRecordError as error:
                return self._problem(session, line, str(error))
            if is_blank(value) or moment is None:
                message = f"{column} must be a time on every row or on one, got {value!r:.80}"
                return self._problem(session, line, message)
            moments.append(moment)
        order = sorted(range(len(moments)), key=moments.__getitem__)
        self._put_in_order(session, order, column)
        return None

    def _put_in_order(self, session: _Session, order: list[int], column: str) -> None:
        if order == sorted(order):
            return
        self._report.note(f"rows were put in the order of {column}")
        session.token_lines = [session.lines[place] for place in order]
        session.lists = {
            name: [values[place] for place in order] for name, values in session.lists.items()
        }

    def _labels_vary(self) -> bool:
        """Tell whether any session has good and bad tokens, which makes labels the tokens' own."""
        column = self._at.get("label")
        if column is None:
            return False
        n_varied = 0
        for session in self._sessions.values():
            try:
                labels = {
                    self._labels.parse(column, value) for value in _distinct(session.lists[column])
                }
            except InvalidRecordError:
                # Said of the session when its row is read.
                continue
            n_varied += {"good", "bad"} <= labels
        if n_varied:
            sessions = "1 session" if n_varied == 1 else f"{n_varied:,} sessions"
            self._report.note(
                f"{column} varies within {sessions}: it is read as the label of each token; "
                "an answer is bad where any token is, from its first bad token on"
            )
        return n_varied > 0

    def _row(self, session: _Session, *, is_per_token: bool) -> Row:
        row = {
            **session.first,
            **dict(zip(self._fixed, session.fixed or (), strict=True)),
            **session.lists,
        }
        self._take_span(row)
        column = self._at.get("label")
        if column is None:
            return row
        values = session.lists[column]
        try:
            labels = {self._labels.parse(column, value) for value in _distinct(values)}
        except InvalidRecordError:
            row[column] = next(value for value in values if not self._is_label(column, value))
            return row
        # Blank beside bad may be a verdict given once, on any row.
        has_onset = is_per_token and None not in labels
        row[column] = SessionLabel.of_tokens(
            (self._labels.parse(column, value) for value in values), has_onset=has_onset
        )
        return row

    def _take_span(self, row: dict[str, Any]) -> None:
        """Take the first start and the last end of the rows for the session's."""
        for field, edge in zip(SPAN, (min, max), strict=True):
            column = self._at.get(field)
            if column is None:
                continue
            cells = row[column]
            times: list[tuple[int, Any]] = []
            for value in _distinct(cells):
                try:
                    times += [] if is_blank(value) else [(parse_time(column, value), value)]
                except InvalidRecordError:
                    # Said of the session when its row is read.
                    times = [(0, value)]
                    break
            row[column] = edge(times, key=itemgetter(0))[1] if times else None
            is_of_tokens = len(times) > 1 and not any(map(is_blank, cells))
            if field == "started" and "times" not in self._at and is_of_tokens:
                moments = [parse_time(column, value) for value in cells]
                first = min(moments)
                row[MOMENTS] = [moment - first for moment in moments]
                self._report.note(f"{column} is the time of each token")

    def _is_label(self, column: str, value: Any) -> bool:
        try:
            self._labels.parse(column, value)
        except InvalidRecordError:
            return False
        return True

    def _problem(self, session: _Session, line: int, message: str) -> Problem:
        column = self._at.get("id")
        name = None if column is None else parse_name(column, session.first[column])
        return Problem.of_session(line, InvalidRecordError(message), {"id": name})


def _repeated_half(session: _Session) -> tuple[int, int] | None:
    """Return where a session begins and begins anew, if it stands in the file twice."""
    half, odd = divmod(len(session.prints), 2)
    is_twice = not odd and session.prints[:half] == session.prints[half:]
    if is_twice and len(set(session.prints)) > 1:
        return session.lines[0], session.lines[half]
    return None


def _getter(names: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    """Return a function that takes these cells out of a row; ``None`` where it lacks one."""
    if len(names) < 2:
        return lambda row: tuple(row.get(name) for name in names)
    cells_of = itemgetter(*names)

    def taken(row: Row) -> tuple[Any, ...]:
        try:
            cells: tuple[Any, ...] = cells_of(row)
        except KeyError:
            return tuple(map(row.get, names))
        return cells

    return taken


def _fingerprint(row: Row) -> int:
    values = tuple(value for name, value in row.items() if name not in NAMELESS)
    try:
        return hash(values)
    except TypeError:
        return hash(repr(values))


def token_number(value: Any) -> int | None:
    """Return the number of a token, ``None`` where a cell holds none."""
    try:
        number = parse_int("index", value)
    except InvalidRecordError:
        return None
    return number if number is not None and number >= 0 else None


def _distinct(values: list[Any]) -> list[Any]:
    try:
        # In the order of the file, so that the same file is always read alike.
        return list(dict.fromkeys(values))
    except TypeError:
        return values
