"""The table of all endpoints."""

from resources.sandbox.endpoints.account_updates import ACCOUNT_UPDATES
from resources.sandbox.endpoints.accounts import ACCOUNTS
from resources.sandbox.endpoints.coupon_sessions import COUPON_SESSIONS
from resources.sandbox.endpoints.coupons import COUPONS
from resources.sandbox.endpoints.directories_v3 import DIRECTORIES_V3
from resources.sandbox.endpoints.directories_v4 import DIRECTORIES_V4
from resources.sandbox.endpoints.directory_updates import DIRECTORY_UPDATES
from resources.sandbox.endpoints.endpoint import Endpoint
from resources.sandbox.endpoints.loyalty_updates import LOYALTY_UPDATES
from resources.sandbox.endpoints.loyalty_updates_v4 import LOYALTY_UPDATES_V4
from resources.sandbox.endpoints.loyalty_v3 import LOYALTY_V3
from resources.sandbox.endpoints.loyalty_v4 import LOYALTY_V4
from resources.sandbox.endpoints.messaging import MESSAGING
from resources.sandbox.endpoints.messaging_updates import MESSAGING_UPDATES
from resources.sandbox.endpoints.session_updates import SESSION_UPDATES
from resources.sandbox.endpoints.single_use import SINGLE_USE
from resources.sandbox.endpoints.webhook_events import WEBHOOK_EVENTS

ENDPOINTS: tuple[Endpoint, ...] = (
    *COUPONS,
    *COUPON_SESSIONS,
    *WEBHOOK_EVENTS,
    *SESSION_UPDATES,
    *SINGLE_USE,
    *LOYALTY_V3,
    *LOYALTY_V4,
    *LOYALTY_UPDATES,
    *LOYALTY_UPDATES_V4,
    *DIRECTORIES_V3,
    *DIRECTORIES_V4,
    *DIRECTORY_UPDATES,
    *ACCOUNTS,
    *ACCOUNT_UPDATES,
    *MESSAGING,
    *MESSAGING_UPDATES,
)
