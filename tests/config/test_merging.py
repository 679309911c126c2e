from config.merging import csv_text, merge
from config.tables import Table, parse_table

COLUMNS = ("asset", "role", "contact")


def _table(*rows: str, file: str = "f") -> Table:
    return parse_table("\n".join([",".join(COLUMNS), *rows]), file, COLUMNS)


def test_merge_known_keys_are_replaced_in_place_and_new_ones_follow() -> None:
    """The order of a file stays as people know it."""
    before = parse_table("id,name_zh,name_en\na,甲,A\nb,乙,B\n", "old", ("id", "name_zh", "name_en"))
    incoming = parse_table("id,name_zh,name_en\nc,丙,C\na,甲,A1\nb,乙,B\n", "new", ("id", "name_zh", "name_en"))
    merged = merge("hazard_classes", before, incoming)

    assert ["A1", "B", "C"] == [row["name_en"] for row in merged.table.rows]
    assert (1, 1, 1) == (merged.added, merged.changed, merged.unchanged)
    assert [("new", 3), ("new", 4), ("new", 2)] == [(row.file, row.line) for row in merged.table.rows]


def test_merge_key_twice_in_the_import_stays_twice() -> None:
    """What is wrong in the import is refused by the check, not hidden by the merge."""
    merged = merge("duties", _table("A,duty,x"), _table("A,duty,x", "A,duty,x"))

    assert 2 == len(merged.table.rows)


def test_csv_text_read_again_is_the_same_table() -> None:
    """Commas, quotes and Chinese survive."""
    table = _table('A,duty,"x, ""y"" 甲"', "B,duty,z")

    assert [row.cells for row in table.rows] == [
        row.cells for row in _table(*csv_text("duties", table.rows).splitlines()[1:]).rows
    ]
