"""Publishes all tables of the stage, with the views, the report and the dictionary."""

from assets.catalogue import TABLES, read_marts
from assets.relations import read_relations
from assets.report.dictionary import write_dictionary
from assets.report.figures import query_figures
from assets.report.report import write_report
from resources.warehouse.engine import Engine
from resources.warehouse.publication import REPORT, PublishResult


def publish(engine: Engine) -> PublishResult:
    """Publish the stage, with a report and a dictionary beside the database; nothing if nothing has changed.

    Raises WarehouseError.
    """
    with engine.open_publication([table.schema_of_table() for table in TABLES], read_marts()) as publication:
        if connection := publication.connection:
            publication.add_file(REPORT, write_report(connection, query_figures(connection)))
            publication.add_file("dictionary.md", write_dictionary(read_relations(connection)))
    return publication.result
