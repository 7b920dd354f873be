"""The table `categories`."""

from typing import ClassVar

from assets.tables.table import Source, Table, column
from assets.tables.types import Id, Text


class Category(Table):
    """Categories of campaigns, of both lists that the API has; one row per category and list."""

    TABLE: ClassVar[str] = "categories"
    PAGE: ClassVar[str] = "https://www.coupontools.com/fr/api-et-webhooks/list_categories"
    KEY: ClassVar[tuple[str, ...]] = ("category_id", "level")
    SOURCE: ClassVar[Source] = Source(
        "campaigns",
        parts=("categories", "main_categories"),
        constants={"categories": {"level": "category"}, "main_categories": {"level": "main"}},
    )

    category_id: Id = column({"ID": "assumed", "id": "assumed"}, doc="Category id, for example cat_12", required=True)
    level: Id = column(doc="category, or main for those of category/main/list (third-level categories)", required=True)
    name: Text | None = column({"name": "assumed", "title": "assumed"}, doc="Name of the category")
