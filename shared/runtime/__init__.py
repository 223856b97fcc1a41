"""What every service runs on: settings, clock, logging, message handling and life cycle."""
