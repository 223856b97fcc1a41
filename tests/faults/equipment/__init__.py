"""What faults are made with: disks that fill, clocks that step, copies of databases."""
