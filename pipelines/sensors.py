"""The sensors: what runs when a table was updated or the account has other loyalty cards."""

import dagster as dg

from assets.loyalty import list_cards
from assets.partitions import cards, partition_range
from assets.published_database import published_database
from pipelines.jobs import export_loyalty_users
from resources.coupontools.resource import CoupontoolsResource
from resources.printable import make_printable
from resources.settings import SettingsError
from resources.warehouse.admission import admit
from resources.warehouse.errors import RefusedError
from resources.warehouse.origin import Origin
from resources.warehouse.resource import WarehouseResource

publish_after_updates = dg.AutomationConditionSensorDefinition(
    "publish_after_updates",
    target=[published_database],
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=15,
    description="Publishes whenever a table was updated, also by a backfill of it alone, unless a blocking check says "
    "no.",
)


@dg.sensor(job=export_loyalty_users, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def loyalty_card_partitions(
    context: dg.SensorEvaluationContext, coupontools: CoupontoolsResource, warehouse: WarehouseResource
) -> dg.SensorResult | dg.SkipReason:
    """Read every minute which loyalty cards the account has: each one is a partition of `loyalty_users`.

    New ones are exported at once. The partitions of deleted cards are removed, and an export marks their users as
    deleted.
    """
    try:
        admit(warehouse.engine, Origin(coupontools.account(), warehouse.personal_data.label))
        listed = list_cards(coupontools)
    except (SettingsError, RefusedError) as error:
        return dg.SkipReason(make_printable(str(error)))
    names = [card for card in listed.ids if _is_a_name(card)]
    if others := len(listed.ids) - len(names):
        context.log.warning(
            f"{others:,} loyalty cards have ids that cannot be shown, and no partition: coupontools export reads them."
        )
    known = context.instance.get_dynamic_partitions(str(cards.name))
    new = [card for card in names if card not in known]
    deleted = [card for card in known if card not in listed.ids] if listed.is_complete else []
    if not (new or deleted):
        return dg.SkipReason(f"The account has {len(listed.ids):,} loyalty cards, which are all known.")
    remaining = [card for card in known if card not in deleted]
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags=partition_range(new or remaining[-1:]))],
        dynamic_partitions_requests=[cards.build_add_request(new), cards.build_delete_request(deleted)],
    )


def _is_a_name(card: str) -> bool:
    """Whether an id can be shown as it is, as the name of a partition."""
    return make_printable(card) == card
