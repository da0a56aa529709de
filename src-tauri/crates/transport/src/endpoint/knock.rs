//! Looks at everyone who knocks: lets in, asks for proof, lets wait or ignores.

use super::gate::{Decision, Gate, Slot};
use crate::limits::WAITING_MAX;
use quinn::{Connecting, Endpoint, Incoming};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Answers until the endpoint is closed. `admit` gets those whose handshake may
/// begin, and should not take long itself. Those who wait longer than
/// `patience` are forgotten.
pub(super) async fn answer(
    endpoint: Endpoint,
    patience: Duration,
    mut admit: impl FnMut(Connecting, Slot),
) {
    let gate = Gate::default();
    let mut waiting = Waiting::default();
    loop {
        tokio::select! {
            knocked = endpoint.accept() => {
                let Some(incoming) = knocked else {
                    return;
                };
                if let Some(incoming) = look(&gate, incoming, &mut admit) {
                    waiting.add(incoming);
                }
            }
            () = gate.freed(), if !waiting.is_empty() => {
                waiting.look_again(&gate, patience, &mut admit);
            }
        }
    }
}

/// Whoever comes back has to wait.
fn look(
    gate: &Gate,
    incoming: Incoming,
    admit: &mut impl FnMut(Connecting, Slot),
) -> Option<Incoming> {
    let from = incoming.remote_address().ip();
    match gate.decide(from, incoming.remote_address_validated()) {
        Decision::Accept(slot) => match incoming.accept() {
            Ok(connecting) => admit(connecting, slot),
            Err(error) => tracing::debug!(%from, %error, "a handshake did not begin"),
        },
        Decision::Retry => {
            if let Err(error) = incoming.retry() {
                // Only for one that was validated, which the gate knew.
                error.into_incoming().ignore();
            }
        }
        Decision::Wait => return Some(incoming),
    }
    None
}

/// Those who proved their address while too many others were half-way in, in
/// the order in which they came. A thousand members come back at once after a
/// restart; to send them away would cost each a second and more.
#[derive(Default)]
struct Waiting(VecDeque<(Instant, Incoming)>);

impl Waiting {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, incoming: Incoming) {
        if self.0.len() < WAITING_MAX {
            self.0.push_back((Instant::now(), incoming));
        } else {
            // No answer costs least.
            incoming.ignore();
        }
    }

    fn look_again(
        &mut self,
        gate: &Gate,
        patience: Duration,
        admit: &mut impl FnMut(Connecting, Slot),
    ) {
        for _ in 0..self.0.len() {
            let Some((since, incoming)) = self.0.pop_front() else {
                return;
            };
            if since.elapsed() > patience {
                incoming.ignore();
            } else if let Some(incoming) = look(gate, incoming, admit) {
                self.0.push_back((since, incoming));
            }
        }
    }
}
