"""The pages of the managers' settings: rules, hotlines, hours, catalogue and spoken names, supply, retailers."""
