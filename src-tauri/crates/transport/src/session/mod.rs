//! What two admitted sides say to each other, once they are connected.
//!
//! [`Session`] is the coordinator's end, [`Uplink`] the member's. Streams are
//! opened by the member only; each begins with one header that says what it is
//! for. What flows on *control* and *door* streams is framed by their users.

mod blob;
mod close;
mod greet;
mod pipe;
mod request;
mod served;
mod strikes;
mod timing;
mod uplink;
mod window;
mod wire;

pub use blob::{Incoming, Outgoing, SendFromError};
pub use close::{CloseReason, Closed, StreamError};
pub use pipe::{Receiver, Sender};
pub use request::{Fetch, Offer, Renewal, Request, Verdict};
pub use served::Session;
pub use timing::Timing;
pub use uplink::{Offered, Uplink};
pub use window::WindowBudget;
pub use wire::Refusal;

pub(crate) use close::{Ending, tls_alert};
pub(crate) use greet::{GreetError, Welcome, greet, hear_hello, welcome};
pub(crate) use wire::{FrameError, read_bytes, write_bytes};

use crate::registry::Entered;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// A connection that its handles and streams keep open together.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) ending: Arc<Ending>,
    pub(crate) window: window::Window,
    pub(crate) timing: Timing,
    /// Its place in the registry, where it has one.
    pub(crate) _entered: Option<Entered>,
}

impl Live {
    pub(crate) fn new(
        ending: Arc<Ending>,
        budget: &WindowBudget,
        timing: Timing,
        entered: Option<Entered>,
    ) -> Arc<Live> {
        let window = window::Window::new(ending.connection().clone(), budget);
        Arc::new(Live {
            ending,
            window,
            timing,
            _entered: entered,
        })
    }

    pub(crate) fn connection(&self) -> &quinn::Connection {
        self.ending.connection()
    }

    pub(crate) fn remote(&self) -> SocketAddr {
        let remote = self.connection().remote_address();
        SocketAddr::new(remote.ip().to_canonical(), remote.port())
    }

    pub(crate) fn rtt(&self) -> Duration {
        self.connection().rtt()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.ending.close(CloseReason::Goodbye);
    }
}
