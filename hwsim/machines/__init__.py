"""Machines and memories on the command line; nothing here is imported before a command needs it."""
