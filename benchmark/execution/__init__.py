"""Who does it and where: the driver, the process of a stage, executors, this machine."""
