//! The real thing: the built app on a screen of its own, driven as a person
//! would: by mouse, by keyboard, by its tray menu.
#![cfg(target_os = "linux")]

mod contribution;
mod costs;
mod desktop;
mod driver;
mod explore;
mod faults;
mod looks;
mod notices;
mod session;
mod stories;
mod tray;
mod walls;
