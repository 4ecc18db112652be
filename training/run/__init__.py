"""What all training runs share: loop, folder, journal, checkpoint, disk, curves, snapshots."""
