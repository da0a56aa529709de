//! The contract of the one door: requests, replies, views and error codes.
