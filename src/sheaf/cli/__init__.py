"""The command line: one file per noun; every command has `--json` and exits with a code that says why."""
