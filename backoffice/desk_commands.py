"""All commands of the order department, for the application to take in."""

from __future__ import annotations

from backoffice.supply_commands import allocate_command, export_limits_command, import_limits_command

DESK_COMMANDS = (allocate_command, import_limits_command, export_limits_command)
