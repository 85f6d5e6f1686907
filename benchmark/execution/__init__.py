"""Execution of a plan: the driver, the process of a stage, executors, this machine."""
