"""What managers set: rules, hotlines, hours, catalogue and spoken names, retailers."""
