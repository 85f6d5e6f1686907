"""Output for people and programs: tables, pictures, live progress."""
