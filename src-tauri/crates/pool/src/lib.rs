//! The rules of a pool: jobs, tasks, attempts and leases, with no clock, IO or async.
