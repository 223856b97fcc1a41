"""What faults are made with: connections that break, disks that fill, clocks that step, copies."""
