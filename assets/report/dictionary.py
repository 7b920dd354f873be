"""Writes the data dictionary: every table, view and column with its description, as Markdown."""

from collections.abc import Iterable

from assets.relations import Relation

HEADER = """# Data dictionary

All times are naive UTC, except in columns whose name ends in `_local`. `_deleted_at` is null while a row is in the
account; the views of the schema `marts` show only such rows, unless they say otherwise. Each API field is followed by
how well it is known: documented (on an official page), seen in client code (that others wrote for the API), hinted, or
assumed.
"""


def write_dictionary(relations: Iterable[Relation]) -> str:
    """Write the dictionary of tables and views as Markdown."""
    parts = [HEADER]
    for relation in relations:
        parts.append(f"## {relation.title}\n\n{relation.comment}\n\n| column | type | meaning |\n|---|---|---|")
        parts += [
            f"| `{column.name}` | {column.sql_type} | {_in_a_cell(column.comment)} |" for column in relation.columns
        ]
        parts.append("")
    return "\n".join(parts)


def _in_a_cell(text: str) -> str:
    return text.replace("|", "\\|")
