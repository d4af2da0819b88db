"""All commands of the order department, for the application to register."""

from __future__ import annotations

from backoffice.day_commands import (
    day_end_command,
    delete_recordings_command,
    encrypt_recordings_command,
    import_deliveries_command,
    order_change_command,
)
from backoffice.file_job_commands import file_jobs_command
from backoffice.hotline_commands import (
    calendar_day_command,
    channel_hours_command,
    hotline_command,
    import_retailers_command,
)
from backoffice.outbound_commands import outbound_command
from backoffice.proxy_commands import proxy_orders_command
from backoffice.report_commands import draft_report_command, report_command
from backoffice.supply_commands import (
    allocate_command,
    department_rule_command,
    export_limits_command,
    export_supply_command,
    import_limits_command,
    import_substitutes_command,
)
from backoffice.web_commands import web_orders_command

DEPARTMENT_COMMANDS = (
    allocate_command,
    import_limits_command,
    export_limits_command,
    export_supply_command,
    import_substitutes_command,
    department_rule_command,
    import_retailers_command,
    hotline_command,
    channel_hours_command,
    calendar_day_command,
    outbound_command,
    file_jobs_command,
    day_end_command,
    delete_recordings_command,
    encrypt_recordings_command,
    order_change_command,
    import_deliveries_command,
    web_orders_command,
    proxy_orders_command,
    report_command,
    draft_report_command,
)
