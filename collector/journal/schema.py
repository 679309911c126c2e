"""The journal's tables as SQL text, and the marks by which a file is known to be a journal.

Input: nothing.
Output: statements.
Not responsible for: their execution.
Rejects: nothing.
"""

APPLICATION_ID = 0x4C4C4A31
"""`LLJ1` in the file header: `file journal.db` and our own check both see it."""

TABLES = (
    """CREATE TABLE IF NOT EXISTS dictionaries(
        id INTEGER PRIMARY KEY AUTOINCREMENT, name BLOB NOT NULL, sensor_ids BLOB NOT NULL,
        first_position INTEGER NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS batches(
        position INTEGER PRIMARY KEY AUTOINCREMENT, received_ns INTEGER NOT NULL, frame BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS dead_letters(
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_ns INTEGER NOT NULL, reason TEXT NOT NULL, topic TEXT NOT NULL,
        detail TEXT NOT NULL, payload BLOB NOT NULL, payload_bytes INTEGER NOT NULL, payload_sha256 BLOB NOT NULL,
        kept_bytes INTEGER NOT NULL)""",
    "CREATE TABLE IF NOT EXISTS dead_letter_totals(rows INTEGER NOT NULL, bytes INTEGER NOT NULL)",
    "INSERT INTO dead_letter_totals SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM dead_letter_totals)",
    "CREATE TABLE IF NOT EXISTS cursors(name TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS device_notes(position INTEGER PRIMARY KEY, note BLOB NOT NULL)",
)
"""AUTOINCREMENT keeps the highest position ever given in `sqlite_sequence`: trimmed positions never come back."""

LAST_POSITION = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'batches'), 0)"
FIRST_POSITION = "SELECT coalesce(min(position), 0) FROM batches"
