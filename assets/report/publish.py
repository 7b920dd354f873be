"""Publishes all tables of the stage, with the views, the report and the dictionary."""

from assets.catalogue import TABLES, marts
from assets.relations import read_relations
from assets.report.dictionary import dictionary
from assets.report.figures import figures
from assets.report.report import report
from resources.warehouse.engine import Engine
from resources.warehouse.publication import PublishResult


def publish(engine: Engine) -> PublishResult:
    """Publish the stage, with a report and a dictionary beside the database; nothing if nothing has changed.

    Raises WarehouseError.
    """
    with engine.open_publication([table.schema_of_table() for table in TABLES], marts()) as publication:
        if connection := publication.connection:
            publication.add_file("report.html", report(connection, figures(connection)))
            publication.add_file("dictionary.md", dictionary(read_relations(connection)))
    return publication.result
