"""The order desk: retailers, order days, supply, limits, holds, orders."""
