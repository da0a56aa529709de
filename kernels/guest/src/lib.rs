//! The guest SDK: write a kernel that plans, runs and folds its own tasks.
