//! Says what a file is before anything runs it; never executes, never touches the disk.
