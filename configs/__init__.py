"""The quickstart and the recipes: TOML files, kept as data beside this page."""
