"""The operator's desk: live calls, the order sheet, the softphone."""
