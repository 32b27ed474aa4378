"""Tables of a store, the same on SQLite and PostgreSQL.

While a session is recorded its tokens are rows of ``tokens``, so that anyone may watch them come.
The seal folds them into one row of ``bodies``, which reads a thousand times faster, and removes
them; ``sessions`` has the columns that lists and filters need.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from director_ai.storage.engine.text_type import SafeText

metadata = MetaData()

# SQLite numbers rows by itself only where the column is declared INTEGER.
_Key = BigInteger().with_variant(Integer, "sqlite")


def _session_key(*, primary: bool) -> Column[int]:
    owner = ForeignKey("sessions.key", ondelete="CASCADE")
    return Column("session", _Key, owner, primary_key=primary, autoincrement=False, nullable=False)


_has_facts = text("facts IS NOT NULL")

sessions = Table(
    "sessions",
    metadata,
    Column("key", _Key, primary_key=True),
    Column("id", SafeText, nullable=False, unique=True),
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=False),
    Column("source", SafeText, nullable=False),
    Column("model", SafeText, nullable=False),
    Column("prompt", SafeText, nullable=False),
    Column("prompt_family", SafeText, nullable=False),
    Column("tags", SafeText, nullable=False, comment="JSON, see tags_text"),
    Column("policy", Text, nullable=False, comment="JSON object of limits"),
    Column("enforced", Boolean, nullable=False),
    Column("text_kept", Boolean, nullable=False),
    Column("ended_by", Text, comment="null while it is being recorded"),
    Column("halt", SafeText, nullable=False, comment="JSON object or null"),
    Column("shadow_policy", Text, nullable=False, comment="JSON object or null"),
    Column("shadow_halt", SafeText, nullable=False, comment="JSON object or null"),
    Column("evidence", SafeText, nullable=False, comment="JSON list of chunks"),
    Column("evidence_note", SafeText, nullable=False),
    Column("n_dropped", Integer, nullable=False, server_default="0"),
    Column("digest", Text, comment="SHA-256 of the tokens, from the seal on"),
    Column("schema_version", SmallInteger, nullable=False),
    # What lists, filters and facets read, made from the rest at the seal.
    Column("n_tokens", Integer, nullable=False),
    Column("halt_class", Text),
    Column("halt_index", Integer),
    Column("halt_code", SafeText),
    Column("rules", Text, nullable=False, comment="mechanisms that held, in order, by commas"),
    Column("shadow_index", Integer),
    Column("lowest", Float),
    Column("average", Float),
    Column("margin", Float, comment="closest call"),
    Column("margin_index", Integer),
    Column("margin_rule", Text),
    Column("sparkline", LargeBinary, nullable=False),
    Column("excerpt", SafeText, nullable=False),
    Column("label", Text),
    Column("onset", Integer),
    Column("changed_us", BigInteger, nullable=False, comment="heartbeat while it is recorded"),
    # Columns of later versions come last, as a migration adds them.
    Column("seal", Text, comment="SHA-256 of the row from the seal on, see codec.seal_of"),
    Column("label_seal", Text, comment="SHA-256 of tags and labels, see codec.label_seal_of"),
    Column("scorer", SafeText, comment="identity of the scorer; null if it is unknown"),
    Column("sealed_us", BigInteger, comment="this store's clock at the seal; null if imported"),
    Column("release", SafeText, comment="JSON object of release rules; null without or unknown"),
    Column("n_released", Integer, comment="tokens handed out; null if unknown, as the next two"),
    Column("n_kept", Integer),
    Column("n_early", Integer),
    Column("verdicts", Text, comment="JSON list of verdicts on sentences; null if there are none"),
    Column("facts", Text, comment="digest of the facts it was held against; null if unknown"),
    CheckConstraint("n_tokens >= 0", name="session_tokens"),
    Index("sessions_started", "started_us", "key"),
    Index("sessions_changed", "changed_us"),
    Index("sessions_margin", "margin"),
    Index("sessions_sealed", "sealed_us"),
    Index("sessions_ended", "ended_by", "started_us"),
    Index("sessions_facts", "facts", sqlite_where=_has_facts, postgresql_where=_has_facts),
    # Everything that is counted, so that counting reads no text. Not for PostgreSQL, where a row
    # of an index holds 2,700 bytes and a longer tag could not be stored.
    Index(
        "sessions_counted",
        *("started_us", "ended_by", "changed_us", "enforced", "label", "rules", "halt_code"),
        *("halt_index", "model", "source", "prompt_family", "tags", "shadow_index", "margin"),
        *("n_tokens", "scorer"),
    ).ddl_if(dialect="sqlite"),
    # No number is used twice: a remembered one must not come to be another session's.
    sqlite_autoincrement=True,
)

bodies = Table(
    "bodies",
    metadata,
    _session_key(primary=True),
    Column("text", SafeText, nullable=False, comment="all tokens in a row"),
    Column("lengths", LargeBinary, nullable=False, comment="uint32 characters of each token"),
    Column("scores", LargeBinary, nullable=False, comment="float64 a token"),
    Column("held", LargeBinary, nullable=False, comment="a byte a token"),
    Column("ends", LargeBinary, nullable=False, comment="a byte a token: a sentence ends there"),
    Column("times_us", LargeBinary, nullable=False, comment="int64 a token, or empty"),
)

# Each text once, however many sets have it, and each set once, however many sessions it served.
fact_texts = Table(
    "fact_texts",
    metadata,
    Column("digest", Text, primary_key=True, comment="SHA-256 of the text"),
    Column("text", SafeText, nullable=False),
)

fact_sets = Table(
    "fact_sets",
    metadata,
    Column("facts", Text, primary_key=True, comment="digest of the set, as in sessions"),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("name", SafeText, nullable=False, comment="key of the fact in the set"),
    Column("text", Text, nullable=False, comment="digest of the text"),
    Index("fact_sets_text", "text"),
    sqlite_with_rowid=False,
)

rescores = Table(
    "rescores",
    metadata,
    _session_key(primary=True),
    Column("scorer", SafeText, primary_key=True, comment="identity of the scorer"),
    Column("scores", LargeBinary, nullable=False, comment="float64 a token"),
    Column("facts", Text, nullable=False, comment="digest of the facts it was judged by"),
    Column("us_a_token", Float, nullable=False, comment="microseconds a token took"),
    Column("at_us", BigInteger, nullable=False),
    Column("seal", Text, comment="SHA-256 of the row, see codec.row_seal_of"),
    Index("rescores_scorer", "scorer"),
)

tokens = Table(
    "tokens",
    metadata,
    _session_key(primary=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("text", SafeText, nullable=False),
    # Null only for the token a scorer failed on: SQLite turns nan into null by itself.
    Column("score", Float),
    Column("held", Boolean, nullable=False),
    Column("time_us", BigInteger),
    CheckConstraint("score >= 0 AND score <= 1", name="token_score"),
    sqlite_with_rowid=False,
)

annotations = Table(
    "annotations",
    metadata,
    Column("key", _Key, primary_key=True),
    _session_key(primary=False),
    Column("label", Text, nullable=False),
    Column("onset", Integer),
    Column("author", SafeText, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("note", SafeText, nullable=False),
    Index("annotations_session", "session", "key"),
    # An undo remembers numbers: none may come to be another person's label.
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("number", _Key, primary_key=True, comment="1, 2, ... over the life of the store"),
    Column("at_us", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False, comment="SHA-256 of the data certified on"),
    Column("result", SafeText, comment="JSON object; null if it was never finished"),
    Column("seal", Text, comment="SHA-256 of the row, see codec.row_seal_of"),
)

holdouts = Table(
    "holdouts",
    metadata,
    Column("number", _Key, primary_key=True, comment="1, 2, ... over the life of the store"),
    Column("at_us", BigInteger, nullable=False),
    Column("share", Float, comment="share of the groups held out; null for the automatic one"),
    Column("opened", Text, nullable=False, comment="16 digits a group opened so far"),
    Column("seal", Text, comment="SHA-256 of the row, see codec.row_seal_of"),
)

experiments = Table(
    "experiments",
    metadata,
    Column("name", SafeText, primary_key=True),
    Column("author", SafeText, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("note", SafeText, nullable=False),
    Column("content", SafeText, nullable=False, comment="JSON object, see saved_experiments"),
    Column("seal", Text, comment="SHA-256 of the row, see codec.row_seal_of"),
)

views = Table(
    "views",
    metadata,
    Column("name", SafeText, primary_key=True),
    Column("content", SafeText, nullable=False, comment="JSON object, see saved_views"),
    Column("author", SafeText, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", SafeText, nullable=False),
    Column("seal", Text, comment="SHA-256 of the row, see codec.row_seal_of"),
)

deployments = Table(
    "deployments",
    metadata,
    Column("number", _Key, primary_key=True, comment="1, 2, ... over the life of the store"),
    Column("at_us", BigInteger, nullable=False),
    Column("policy", Text, nullable=False, comment="JSON object of limits"),
    Column("scorer", SafeText, comment="identity of the scorer; null if it is unknown"),
    Column("alpha", Float, nullable=False, comment="false-halt rate that is promised"),
    Column("attempt", Integer, comment="of the certificate; null if alpha is only declared"),
    Column("note", SafeText, nullable=False),
    Column("audits_a_day", Float, comment="sessions to draw; null for the default"),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("number", _Key, primary_key=True),
    Column("deployment", _Key, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("author", SafeText, nullable=False),
    Column("note", SafeText, nullable=False),
)

audit_plans = Table(
    "audit_plans",
    metadata,
    Column("number", _Key, primary_key=True),
    Column("deployment", _Key, nullable=False),
    Column("from_day", Integer, nullable=False, comment="days since the Unix epoch, UTC"),
    Column("p_halt", Float, nullable=False),
    Column("p_pass", Float, nullable=False),
    Index("audit_plans_once", "deployment", "from_day", unique=True),
)

# A row stays when its session is pruned: what was counted cannot be counted otherwise later.
audits = Table(
    "audits",
    metadata,
    Column("id", SafeText, primary_key=True, comment="of the session"),
    Column("sealed_us", BigInteger, nullable=False),
    Column("day", Integer, nullable=False, comment="of the seal, days since the Unix epoch, UTC"),
    Column("deployment", _Key, nullable=False),
    Column("plan", _Key, nullable=False),
    Column("kind", Text, nullable=False, comment="counted, repeated, fault, stopped, other"),
    Column("halted", Boolean, nullable=False),
    Column("drawn", Boolean, nullable=False),
    Column("draw", Float, nullable=False, comment="permanent random number, in [0, 1)"),
    Column("cut", Boolean, nullable=False),
    Column("mechanism", Text, nullable=False),
    Column("model", SafeText, nullable=False),
    Column("family", Text, nullable=False, comment="digest; empty: of its own"),
    Column("margin", Float, comment="closest call up to the halt"),
    Column("average", Float, comment="mean score up to the halt"),
    Column("n_warned", Integer, nullable=False, comment="tokens under the soft limit"),
    Column("label", Text, comment="kept when the session is removed"),
    Index("audits_day", "deployment", "day"),
    Index("audits_drawn", "deployment", "drawn"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("fingerprint", Text, primary_key=True, comment="SHA-256 of what fires and since when"),
    Column("alert", Text, nullable=False),
    Column("deployment", _Key, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("sent_us", BigInteger, comment="the last message; null before the first"),
    Column("claimed_us", BigInteger, comment="by the process that is sending"),
)

REGISTERS = (settings, attempts, holdouts, experiments)
"""Tables of a few rows about the store as a whole, each row with a seal of its own."""
